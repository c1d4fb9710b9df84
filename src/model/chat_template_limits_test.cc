// Hostile templates: every one ends with an error that names its limit.

#include <gtest/gtest.h>

#include <utility>

#include "model/chat_template_testing.h"

namespace ondol {
namespace {

TemplateLimits small() {
  return {.max_source_bytes = 1 << 20, .max_output_bytes = 1 << 16, .max_steps = 200'000, .max_depth = 128, .max_memory_bytes = 1 << 20};
}

void expect_limit(const std::string& source, std::string_view limit) {
  const std::string result = rendered(source, "{}", small());
  EXPECT_TRUE(result.starts_with("resource_exhausted: ")) << result.substr(0, 200);
  EXPECT_NE(result.find(limit), std::string::npos) << result.substr(0, 200);
}

std::string repeat(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

TEST(TemplateLimits, EndlessWorkRunsOutOfSteps) {
  expect_limit("{% for i in range(1000) %}{% for j in range(1000) %}{% endfor %}{% endfor %}", "max_steps");
  expect_limit("{% set l = [1] %}{% for x in l %}{% set _ = l.append(1) %}{% endfor %}", "max_");
  expect_limit("{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(20) }}", "max_steps");
  // Values that share their parts: short to make, exponential to walk.
  const std::string shared =
      "{% set a = namespace(l=[1], m=[1]) %}{% for i in range(40) %}{% set a.l = [a.l, a.l] %}{% set a.m = [a.m, a.m] %}{% endfor %}";
  expect_limit(shared + "{{ a.l == a.m }}", "max_steps");
  expect_limit(shared + "{{ a.l < a.m }}", "max_steps");
  expect_limit(shared + "{% if a.l | string %}{% endif %}", "max_");
}

TEST(TemplateLimits, WorkOnTextIsPaidByItsLength) {
  const std::string text = "{% set s = 'ab ' * 10000 %}{% for i in range(20000) %}{% set _ = ";
  for (const char* operation : {"s | e", "s | tojson", "s | upper", "s.title()", "s.split('x')", "s.strip('a')", "s.isalpha()",
                                "s == s ~ ''", "'é' ~ s[::2]", "s.rfind('b' * 9)", "s | int", "s.replace('a', 'b')"}) {
    SCOPED_TRACE(operation);
    expect_limit(text + operation + " %}{% endfor %}", "max_steps");
  }
}

TEST(TemplateLimits, ValuesThatGrowRunOutOfMemory) {
  expect_limit("{{ 'x' * 10 ** 12 }}", "max_memory_bytes");
  expect_limit("{{ [1] * 10 ** 12 }}", "max_memory_bytes");
  expect_limit("{{ range(10 ** 12) }}", "max_memory_bytes");
  expect_limit("{% set s = 'a' * 2000 %}{{ s.replace('', s) }}", "max_memory_bytes");
  expect_limit("{% set s = 'a' * 1000 %}{{ range(10000) | join(s) }}", "max_memory_bytes");
  expect_limit("{% set s = 'a' * 1000 %}{{ s.join(range(9999) | map('string')) }}", "max_memory_bytes");
  expect_limit("{{ 'a'.zfill(10 ** 18) }}", "max_memory_bytes");
  expect_limit("{{ 'a'.ljust(10 ** 9) }}", "max_memory_bytes");
  expect_limit("{{ ('a\n' * 10000) | indent(1000) }}", "max_memory_bytes");
  expect_limit("{{ ([[]] * 10000) | tojson(indent=1000) }}", "max_memory_bytes");
  expect_limit("{% set n = namespace(s='x') %}{% for i in range(100) %}{% set n.s = n.s ~ n.s %}{% endfor %}", "max_memory_bytes");
  expect_limit("{% set d = {} %}{% for i in range(20000) %}{% set _ = d.update({i: i}) %}{% endfor %}", "max_memory_bytes");
  expect_limit("{{ ('\\x01' * 500000) | tojson }}", "max_memory_bytes");
}

TEST(TemplateLimits, WhatIsNoLongerUsedIsNotCounted) {
  EXPECT_EQ(rendered("{% for i in range(50) %}{% set s = 'x' * 100000 %}{% endfor %}ok", "{}", small()), "ok");
}

TEST(TemplateLimits, OutputIsBounded) {
  expect_limit("{% for i in range(2000) %}" + std::string(100, 'x') + "{% endfor %}", "max_output_bytes");
  expect_limit("{% set x %}{% for i in range(2000) %}" + std::string(100, 'x') + "{% endfor %}{% endset %}", "max_output_bytes");
}

TEST(TemplateLimits, NestingIsBounded) {
  constexpr int kMany = 20'000;
  for (const auto& [before, middle, after] : {std::tuple{"(", "1", ")"},
                                              {"[", "1", "]"},
                                              {"not ", "1", ""},
                                              {"-", "1", ""},
                                              {"", "a", ".a"},
                                              {"", "a", "|trim"},
                                              {"", "1", " if 1 else 1"},
                                              {"", "a", " is defined"},
                                              {"a(", "1", ")"}}) {
    SCOPED_TRACE(std::string(before) + middle + after);
    expect_limit("{{ " + repeat(before, kMany) + middle + repeat(after, kMany) + " }}", "max_depth");
  }
  expect_limit(repeat("{% if a %}", kMany) + repeat("{% endif %}", kMany), "max_depth");
  expect_limit("{% set " + repeat("(", kMany) + "a" + repeat(")", kMany) + " = 1 %}", "max_depth");
  expect_limit("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "max_depth");
  expect_limit("{% set l = [] %}{{ l.append(l) }}{{ l }}", "max_depth");
  expect_limit("{% set l = [] %}{{ l.append(l) }}{{ l | tojson }}", "max_depth");
  expect_limit("{% set l = [] %}{% set k = [] %}{{ l.append(k) }}{{ k.append(l) }}{{ l == k }}", "max_depth");
}

TEST(TemplateLimits, LongIsNotDeep) {
  EXPECT_EQ(rendered("{{ 1" + repeat("+1", 20'000) + " }}"), "20001");
  EXPECT_EQ(rendered("{% if a %}" + repeat("{% elif a %}", 20'000) + "{% else %}x{% endif %}"), "x");
  EXPECT_EQ(rendered("{% set n = namespace(l=[]) %}{% for i in range(100000) %}{% set n.l = [n.l] %}{% endfor %}freed without recursion"),
            "freed without recursion");
}

TEST(TemplateLimits, SourceIsBounded) {
  TemplateLimits limits;
  limits.max_source_bytes = 4;
  EXPECT_EQ(rendered("12345", "{}", limits), "resource_exhausted: the chat template has 5 bytes, more than max_source_bytes = 4");
}

TEST(TemplateLimits, InputCountsToo) {
  EXPECT_TRUE(rendered("{{ x }}", "{\"x\": \"" + std::string(2 << 20, 'x') + "\"}", small()).starts_with("resource_exhausted: "));
  std::string context = "{\"x\": " + repeat("[", 20) + repeat("]", 20) + "}";
  TemplateLimits limits;
  limits.max_depth = 10;
  EXPECT_TRUE(rendered("{{ x }}", context, limits).starts_with("resource_exhausted: "));
}

TEST(TemplateLimits, FormatsHaveNoWideFields) {
  EXPECT_TRUE(rendered("{{ '%1000000000d' % 1 }}").starts_with("invalid_argument: "));
  EXPECT_TRUE(rendered("{{ '{:>1000000000}'.format(1) }}").starts_with("invalid_argument: "));
  EXPECT_TRUE(rendered("{{ 1.5 | round(100000) }}").starts_with("invalid_argument: "));
}

}  // namespace
}  // namespace ondol
