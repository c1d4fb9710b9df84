#include "model/chat_template.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <thread>
#include <vector>

#include "model/chat_template_testing.h"

namespace ondol {
namespace {

TEST(ChatTemplate, PrintsVariablesOfTheContext) {
  EXPECT_EQ(rendered("{{ a }}, {{ b }}, {{ c }}, {{ d }}, {{ e }}", R"({"a": "x", "b": 1, "c": 1.0, "d": null, "e": true})"),
            "x, 1, 1.0, None, True");
}

TEST(ChatTemplate, UndefinedPrintsNothing) { EXPECT_EQ(rendered("[{{ nothing }}{{ x.y }}]", R"({"x": {}})"), "[]"); }

TEST(ChatTemplate, AttributeOfUndefinedNamesVariableAndLine) {
  EXPECT_EQ(rendered("\n\n{{ message.content }}"),
            "invalid_argument: chat template line 3: \"message\" is undefined, so it has no attribute \"content\"");
}

TEST(ChatTemplate, MentionsTellsWhichVariablesAreRead) {
  const auto parsed = ChatTemplate::parse("{% if tools %}{{ tools | tojson }}{% endif %}{{ m.enable_thinking }}");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_TRUE(parsed->mentions("tools"));
  EXPECT_FALSE(parsed->mentions("enable_thinking"));
}

TEST(ChatTemplate, OneTemplateRendersManyTimes) {
  const auto parsed = ChatTemplate::parse("{% set x = [] %}{{ x.append(n) or x }}");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->render(boost::json::parse(R"({"n": 1})").as_object(), 0).value(), "[1]");
  EXPECT_EQ(parsed->render(boost::json::parse(R"({"n": 2})").as_object(), 0).value(), "[2]");
}

TEST(ChatTemplate, ManyThreadsRenderOneTemplate) {
  const auto parsed = ChatTemplate::parse(
      "{% macro m(x) %}{{ x ~ 'é' | length }}{% endmacro %}{% for i in range(200) %}{{ m('한') }}{{ {'k': 'v'}.k }}{% endfor %}");
  ASSERT_TRUE(parsed.has_value());
  std::array<std::string, 4> results;
  {
    std::vector<std::jthread> threads;
    for (std::string& result : results) threads.emplace_back([&] { result = parsed->render({}, 0).value_or("failed"); });
  }
  for (const std::string& result : results) EXPECT_EQ(result, results[0]);
  EXPECT_TRUE(results[0].starts_with("한1v한1v"));
}

TEST(ChatTemplate, RaiseExceptionCarriesTheTemplatesMessage) {
  EXPECT_EQ(rendered("a\n{{ raise_exception('roles must ' ~ 'alternate') }}"),
            "invalid_argument: chat template line 2: the template refuses this conversation: \"roles must alternate\"");
}

TEST(ChatTemplate, UnsupportedConstructsAreRefusedByNameAndLine) {
  EXPECT_EQ(rendered("\n{% include 'x' %}"), "unimplemented: chat template line 2: the statement \"include\" is not supported");
  EXPECT_EQ(rendered("{% extends 'x' %}"), "unimplemented: chat template line 1: the statement \"extends\" is not supported");
  EXPECT_EQ(rendered("{% import 'x' as y %}"), "unimplemented: chat template line 1: the statement \"import\" is not supported");
  EXPECT_EQ(rendered("{% block b %}{% endblock %}"), "unimplemented: chat template line 1: the statement \"block\" is not supported");
  EXPECT_EQ(rendered("{{ x | batch(2) }}"), "unimplemented: chat template line 1: the filter \"batch\" is not supported");
  EXPECT_EQ(rendered("{{ x is wellformed }}"), "unimplemented: chat template line 1: the test \"wellformed\" is not supported");
  EXPECT_EQ(rendered("{% for x in y recursive %}{% endfor %}"),
            "unimplemented: chat template line 1: \"recursive\" loops are not supported");
}

TEST(ChatTemplate, SyntaxErrorsNameTheLine) {
  EXPECT_EQ(rendered("\n{{ 1 + }}"), "invalid_argument: chat template line 2: expected an expression, found \"}}\"");
  EXPECT_EQ(rendered("{% if x %}\n\n"), "invalid_argument: chat template line 1: a block that begins here has no \"{% endif %}\"");
  EXPECT_EQ(rendered("{% endif %}"), "invalid_argument: chat template line 1: \"{% endif %}\" closes no open block");
  EXPECT_EQ(rendered("{% for x in y %}{% endif %}"),
            "invalid_argument: chat template line 1: \"{% endif %}\" does not fit the block that is open");
  EXPECT_EQ(rendered("{{ 'abc }}"), "invalid_argument: chat template line 1: a string that begins here has no closing quote");
  EXPECT_EQ(rendered("x\n{# abc"), "invalid_argument: chat template line 2: a comment that begins here has no end \"#}\"");
  EXPECT_EQ(rendered("{{ (1] }}"), "invalid_argument: chat template line 1: unexpected \"]\", expected \")\"");
  EXPECT_EQ(rendered("\xff"), "invalid_argument: the chat template is not valid UTF-8 at byte 0");
}

TEST(ChatTemplate, StrftimeIsInUtc) {
  EXPECT_EQ(rendered("{{ strftime_now('%d %b %Y') }} {{ strftime_now('%Y-%m-%d %H:%M:%S%%') }}"), "14 Nov 2023 2023-11-14 22:13:20%");
  EXPECT_EQ(rendered("{{ strftime_now('%-d|%99999d|%') }}"), "14|%99999d|%");
}

}  // namespace
}  // namespace ondol
