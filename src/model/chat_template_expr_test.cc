// Expressions: literals, operators, subscripts, printing.

#include <gtest/gtest.h>

#include "model/chat_template_testing.h"

namespace ondol {
namespace {

// The value of one expression.
std::string value(const std::string& expression, std::string_view context = "{}") { return rendered("{{ " + expression + " }}", context); }

TEST(TemplateExpr, PrintsValuesAsPythonDoes) {
  EXPECT_EQ(value("[1, 2.0, 'a', none, true, {'k': (1,)}, ()]"), "[1, 2.0, 'a', None, True, {'k': (1,)}, ()]");
  EXPECT_EQ(value("[1e16, 123456789.25, 1e-5, 0.0001, 1e300, -0.0]"), "[1e+16, 123456789.25, 1e-05, 0.0001, 1e+300, -0.0]");
  EXPECT_EQ(value("['it\\'s', '\"', '\\'\"', '\\\\', '\\n\\t\\x01', 'é한😀', '\\u200b']"),
            R"(["it's", '"', '\'"', '\\', '\n\t\x01', 'é한😀', '\u200b'])");
  EXPECT_EQ(value("1, 2"), "(1, 2)");
}

TEST(TemplateExpr, Literals) {
  EXPECT_EQ(value("[0x1F, 0b11, 0o17, 1_000, 1.5e3, 2e-2, True, False, None]"), "[31, 3, 15, 1000, 1500.0, 0.02, True, False, None]");
  EXPECT_EQ(value("'a' \"b\" 'c'"), "abc");
  EXPECT_EQ(value(R"('\x41\u00e9\U0001F600\101\q\'')"), "Aé😀A\\q'");
  EXPECT_EQ(value("99999999999999999999"),
            "invalid_argument: chat template line 1: the number \"99999999999999999999\" is not one that fits 64 bits");
  EXPECT_EQ(value("'\\ud800'"), "invalid_argument: chat template line 1: a string has an escape that is not valid: \"\\\\ud800\"");
}

TEST(TemplateExpr, Arithmetic) {
  EXPECT_EQ(value("[7 // 2, -7 // 2, 7 % 3, -7 % 3, 7 % -3, 7 / 2, 4 / 2, 2 ** 10, 2 ** -1, 7.5 // 2, -7.5 % 2]"),
            "[3, -4, 1, 2, -2, 3.5, 2.0, 1024, 0.5, 3.0, 0.5]");
  EXPECT_EQ(value("1 + 2 * 3 - 4 ** 2 // 3"), "2");
  EXPECT_EQ(value("-2 ** 2"), "4");  // a sign binds tighter than **, unlike in Python
  EXPECT_EQ(value("[true + 1, +true, -false]"), "[2, 1, 0]");
  EXPECT_EQ(value("1 / 0"), "invalid_argument: chat template line 1: division by zero");
  EXPECT_EQ(value("9223372036854775807 + 1"), "invalid_argument: chat template line 1: the result of + does not fit a 64-bit integer");
  EXPECT_EQ(value("(-9223372036854775807 - 1) // -1"),
            "invalid_argument: chat template line 1: the result of // does not fit a 64-bit integer");
}

TEST(TemplateExpr, TextAndListsAddAndRepeat) {
  EXPECT_EQ(value("'a' + 'b' * 3 + 'c'"), "abbbc");
  EXPECT_EQ(value("[1] + [2] * 2"), "[1, 2, 2]");
  EXPECT_EQ(value("1 ~ 'a' ~ none ~ 2.0 ~ [1]"), "1aNone2.0[1]");
  EXPECT_EQ(value("'a' + 1"), "invalid_argument: chat template line 1: \"+\" does not take str and int");
  EXPECT_EQ(value("'a' + none + 'b'"), "invalid_argument: chat template line 1: \"+\" does not take str and NoneType");
  EXPECT_EQ(value("'a' + missing"), "invalid_argument: chat template line 1: \"missing\" is undefined");
}

TEST(TemplateExpr, Comparisons) {
  EXPECT_EQ(value("[1 == 1.0, true == 1, '1' == 1, [1] == [1.0], (1,) == [1], none == false, {'a': 1, 'b': 2} == {'b': 2, 'a': 1}]"),
            "[True, True, False, True, False, False, True]");
  EXPECT_EQ(value("[1 < 2 < 3, 1 < 3 < 2, 'a' < 'b', [1, 2] < [1, 3], 2 >= 2.0]"), "[True, False, True, True, True]");
  EXPECT_EQ(value("['a' in 'abc', 1 in [1], 'k' in {'k': 1}, 2 not in [1], 'x' in missing]"), "[True, True, True, True, False]");
  EXPECT_EQ(value("9007199254740993 == 9007199254740992.0"), "False");
  EXPECT_EQ(value("1 < 'a'"), "invalid_argument: chat template line 1: values of types int and str have no order");
}

TEST(TemplateExpr, LogicGivesTheDecidingOperand) {
  EXPECT_EQ(value("[0 or 'a', '' and 1, 1 and 2, none or 0, not '']"), "['a', '', 2, 0, True]");
  EXPECT_EQ(value("'y' if 1 > 2 else 'n'"), "n");
  EXPECT_EQ(value("'y' if false"), "");
  EXPECT_EQ(value("'a' if x is defined else 'b' if y is defined else 'c'"), "c");
  EXPECT_EQ(value("false and missing.attribute"), "False");
}

TEST(TemplateExpr, Subscripts) {
  constexpr std::string_view kContext = R"({"l": [1, 2, 3], "d": {"a": {"b": [10, 20]}, "items": 5}, "s": "h한😀o"})";
  EXPECT_EQ(value("[l[0], l[-1], l.1, d.a.b[1], d['a']['b'].0, s[1], s[-2]]", kContext), "[1, 3, 2, 20, 10, '한', '😀']");
  EXPECT_EQ(value("[l[1:], l[:-1], l[::-1], l[::2], s[1:3], s[::-1], l[5:], l[-9:2]]", kContext),
            "[[2, 3], [1, 2], [3, 2, 1], [1, 3], '한😀', 'o😀한h', [], [1, 2]]");
  EXPECT_EQ(value("d['items']", kContext), "5");  // an item before a method
  EXPECT_EQ(value("d.items() | length", kContext), "2");
  EXPECT_EQ(value("[l[7] is defined, d.zzz is defined, s['x'] is defined]", kContext), "[False, False, False]");
  EXPECT_EQ(value("l[::0]", kContext), "invalid_argument: chat template line 1: a slice's step cannot be zero");
  EXPECT_EQ(value("l[-9223372036854775807:9223372036854775807:9223372036854775807]", kContext), "[1]");
}

TEST(TemplateExpr, NothingPrivateIsReachable) {
  EXPECT_EQ(value("[''.__class__ is defined, [].__len__ is defined, {}.__dict__ is defined, range.__globals__ is defined]"),
            "[False, False, False, False]");
  EXPECT_EQ(value("''.__class__.__mro__"),
            "invalid_argument: chat template line 1: the str has no attribute or item \"__class__\", so it has no attribute \"__mro__\"");
  EXPECT_EQ(value("self"), "");
}

TEST(TemplateExpr, UndefinedKnowsWhatIsMissing) {
  EXPECT_EQ(value("m.role.x", R"({"m": {}})"),
            "invalid_argument: chat template line 1: the dict has no attribute or item \"role\", so it has no attribute \"x\"");
  EXPECT_EQ(value("missing()"), "invalid_argument: chat template line 1: \"missing\" is undefined, so it cannot be called");
  EXPECT_EQ(value("m.go(1)", R"({"m": {}})"),
            "invalid_argument: chat template line 1: the dict has no attribute or item \"go\", so it cannot be called");
}

TEST(TemplateExpr, Tests) {
  EXPECT_EQ(
      value("[1 is integer, 1.0 is float, true is integer, true is number, 'a' is string, [] is sequence, {} is mapping, {} is sequence]"),
      "[True, True, False, True, True, True, True, True]");
  EXPECT_EQ(value("[x is defined, x is undefined, none is none, 3 is odd, 4 is even, 9 is divisibleby 3, 9 is divisibleby(2)]"),
            "[False, True, True, True, True, True, False]");
  EXPECT_EQ(
      value("[1 is eq 1, 1 is ne 2, 1 is lt 2, 2 is ge(2), 'a' is in ['a'], true is true, 1 is true, false is false, none is not none]"),
      "[True, True, True, True, True, True, False, True, False]");
  EXPECT_EQ(value("[none is iterable, 'a' is iterable, range is callable, 'AB' is upper, 'aB' is lower, 1 is sameas 1]"),
            "[False, True, True, True, False, True]");
}

}  // namespace
}  // namespace ondol
