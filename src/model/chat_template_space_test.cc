// White space, comments and raw blocks (trim_blocks and lstrip_blocks on).

#include <gtest/gtest.h>

#include "model/chat_template_testing.h"

namespace ondol {
namespace {

TEST(TemplateSpace, BlockTagsTakeTheirLineWithThem) {
  EXPECT_EQ(rendered("a\n  {% if true %}\nb\n  {% endif %}\nc"), "a\nb\nc");
  EXPECT_EQ(rendered("a {% if true %} b {% endif %} c"), "a  b  c");
  EXPECT_EQ(rendered("  {% if true %}x{% endif %}\n\ny"), "x\ny");
}

TEST(TemplateSpace, PrintTagsKeepTheirLine) { EXPECT_EQ(rendered("a\n  {{ 1 }}\nb"), "a\n  1\nb"); }

TEST(TemplateSpace, MinusStripsAcrossLines) {
  EXPECT_EQ(rendered("a \n\n {{- 1 -}} \n\n b"), "a1b");
  EXPECT_EQ(rendered("a \n {%- if true -%} \n b \n {%- endif -%} \n c"), "abc");
  EXPECT_EQ(rendered("a \xC2\xA0\xE3\x80\x80{{- 1 }}"), "a1");
}

TEST(TemplateSpace, PlusKeepsWhatWouldBeStripped) {
  EXPECT_EQ(rendered("a\n  {%+ if true %}\nb{% endif +%}\nc"), "a\n  b\nc");
  EXPECT_EQ(rendered("{{+ 1 }}"), "1");
}

TEST(TemplateSpace, CommentsFollowTheRulesOfBlocks) {
  EXPECT_EQ(rendered("a\n  {# x\ny #}\nb"), "a\nb");
  EXPECT_EQ(rendered("a {#- x -#} b"), "ab");
  EXPECT_EQ(rendered("a{#+ x +#}\nb"), "a\nb");
  EXPECT_EQ(rendered("a {#-#} b"), "a b");
}

TEST(TemplateSpace, RawBlocksAreText) {
  EXPECT_EQ(rendered("{% raw %}{{ x }}{% if %}{# #}{% endraw %}"), "{{ x }}{% if %}{# #}");
  EXPECT_EQ(rendered("a\n {% raw %}\n b\n {% endraw %}\nc"), "a\n\n b\nc");
  EXPECT_EQ(rendered("a {%- raw -%} \n b {%- endraw -%} \n c"), "abc");
  EXPECT_EQ(rendered("x\n{% raw %}y"), "invalid_argument: chat template line 2: a raw block that begins here has no \"{% endraw %}\"");
}

TEST(TemplateSpace, OneNewlineAtTheEndIsDropped) {
  EXPECT_EQ(rendered("a\n"), "a");
  EXPECT_EQ(rendered("a\n\n"), "a\n");
  EXPECT_EQ(rendered("a\r\nb\rc\r\n"), "a\nb\nc");
}

TEST(TemplateSpace, LinesAreCountedThroughAllTags) {
  EXPECT_EQ(rendered("{# 1\n2 #}\n{% raw %}\n{% endraw %}\n{{ 'x\ny' }}{{ a.b }}"),
            "invalid_argument: chat template line 6: \"a\" is undefined, so it has no attribute \"b\"");
}

TEST(TemplateSpace, BracketsHideTheEndsOfTags) {
  EXPECT_EQ(rendered("{{ {'a': {'b': 1}} }}"), "{'a': {'b': 1}}");
  EXPECT_EQ(rendered("{{ '}}' ~ \"%}\" }}"), "}}%}");
}

}  // namespace
}  // namespace ondol
