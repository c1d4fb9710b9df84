// Filters, methods and formatting.

#include <gtest/gtest.h>

#include "model/chat_template_testing.h"

namespace ondol {
namespace {

std::string value(const std::string& expression, std::string_view context = "{}") { return rendered("{{ " + expression + " }}", context); }

TEST(TemplateJson, WritesAsJsonDumpsDoes) {
  constexpr std::string_view kContext = R"({"v": {"b": [1, 2.50, true, null, "é\"\\\n\u0001\u007f한"], "a": {}, "c": []}})";
  EXPECT_EQ(value("v | tojson", kContext), "{\"b\": [1, 2.5, true, null, \"é\\\"\\\\\\n\\u0001\x7F한\"], \"a\": {}, \"c\": []}");
  EXPECT_EQ(value("v | tojson(sort_keys=true, separators=(',', ':'))", kContext),
            "{\"a\":{},\"b\":[1,2.5,true,null,\"é\\\"\\\\\\n\\u0001\x7F한\"],\"c\":[]}");
  EXPECT_EQ(value("{'a': [1, {'b': ()}], 'c': {}} | tojson(indent=2)"),
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ],\n  \"c\": {}\n}");
  EXPECT_EQ(value("'é😀' | tojson(ensure_ascii=true)"), "\"\\u00e9\\ud83d\\ude00\"");
  EXPECT_EQ(value("{1: 1, 2.5: 2, none: 3, true: 4} | tojson(indent=none)"), "{\"1\": 4, \"2.5\": 2, \"null\": 3}");
  EXPECT_EQ(value("'<a>&' | tojson"), "\"<a>&\"");
  EXPECT_EQ(value("x | tojson"), "invalid_argument: chat template line 1: tojson of an undefined value: \"x\" is undefined");
  EXPECT_EQ(value("range | tojson"), "invalid_argument: chat template line 1: tojson cannot write a value of type function");
}

TEST(TemplateJson, ReadsJson) {
  EXPECT_EQ(value("('{\"a\": [1, 2.0, null]}' | from_json).a"), "[1, 2.0, None]");
  EXPECT_EQ(value("'{' | from_json"), "invalid_argument: chat template line 1: from_json: the text is not valid JSON: \"{\"");
}

TEST(TemplateFilters, Text) {
  EXPECT_EQ(value("['  a ' | trim, 'xax' | trim('x'), 'aB' | upper, 'aB' | lower, 'aB cD' | capitalize, 'ab-cd (ef' | title]"),
            "['a', 'a', 'AB', 'ab', 'Ab cd', 'Ab-Cd (Ef']");
  EXPECT_EQ(value("['aaa' | replace('a', 'b'), 'aaa' | replace('a', 'b', 2), 'ab' | replace('', '-')]"), "['bbb', 'bba', '-a-b-']");
  EXPECT_EQ(value("'a\nb\n\nc' | indent"), "a\n    b\n\n    c");
  EXPECT_EQ(value("'a\nb\n\n' | indent(2, true, true)"), "  a\n  b\n  \n  ");
  EXPECT_EQ(value("'<\\'&\">' | e"), "&lt;&#39;&amp;&#34;&gt;");
  EXPECT_EQ(value("['한국' | length, 'ab' | count, [1] | length, {} | length, x | length]"), "[2, 2, 1, 0, 0]");
  EXPECT_EQ(value("'straße ΑΣ' | upper ~ ' ' ~ 'ΑΣ' | lower"), "STRASSE ΑΣ ας");
  EXPECT_EQ(value("5 | length"), "invalid_argument: chat template line 1: a value of type int has no length");
}

TEST(TemplateFilters, Numbers) {
  EXPECT_EQ(value("['42' | int, ' -7 ' | int, '3.9' | int, 'x' | int, 'x' | int(5), '0x1f' | int(0, 16), 2.9 | int, none | int]"),
            "[42, -7, 3, 0, 5, 31, 2, 0]");
  EXPECT_EQ(value("['1.5' | float, 'x' | float, 3 | float, '1e3' | float(2)]"), "[1.5, 0.0, 3.0, 1000.0]");
  EXPECT_EQ(
      value("[2.5 | round, 3.5 | round, 2.675 | round(2), 2.1 | round(0, 'ceil'), -2.1 | round(0, 'floor'), 1234 | round(-2), 7 | round]"),
      "[2.0, 4.0, 2.67, 3.0, -3.0, 1200, 7]");
  EXPECT_EQ(value("[-3 | abs, -3.5 | abs, [1, 2, 3] | sum, [1.5, 2] | sum(start=1), [2, 1] | min, ['b', 'C'] | max]"),
            "[3, 3.5, 6, 4.5, 1, 'C']");
}

TEST(TemplateFilters, Defaults) {
  EXPECT_EQ(value("[x | default('d'), '' | default('d'), '' | default('d', true), none | d('q', boolean=true), x | default]"),
            "['d', '', 'd', 'q', '']");
}

TEST(TemplateFilters, Sequences) {
  constexpr std::string_view kContext = R"({"l": [{"k": "b", "v": 2}, {"k": "A", "v": 1}, {"k": "c"}], "w": ["b", "A", "a", "c"]})";
  EXPECT_EQ(value("[w | join, w | join('-'), l | join(',', attribute='k'), w | first, w | last, [] | first is defined]", kContext),
            "['bAac', 'b-A-a-c', 'b,A,c', 'b', 'c', False]");
  EXPECT_EQ(
      value("[w | sort, w | sort(reverse=true), w | sort(case_sensitive=true), w | unique | list, 'abc' | reverse, w | reverse | list]",
            kContext),
      "[['A', 'a', 'b', 'c'], ['c', 'b', 'A', 'a'], ['A', 'a', 'b', 'c'], ['b', 'A', 'c'], 'cba', ['c', 'a', 'A', 'b']]");
  EXPECT_EQ(value("l | sort(attribute='k') | map(attribute='k') | list", kContext), "['A', 'b', 'c']");
  EXPECT_EQ(value("[l | map(attribute='v', default=0) | list, w | map('upper') | list, w | map('replace', 'a', 'x') | join]", kContext),
            "[[2, 1, 0], ['B', 'A', 'A', 'C'], 'bAxc']");
  EXPECT_EQ(value("[l | selectattr('v') | list | length, l | rejectattr('v', 'defined') | list, l | selectattr('k', 'equalto', 'b') | "
                  "map(attribute='v') | list]",
                  kContext),
            "[2, [{'k': 'c'}], [2]]");
  EXPECT_EQ(value("[[0, 1, 2, ''] | select | list, [1, 2, 3] | reject('odd') | list, [1, 2] | select('in', [2]) | list]"),
            "[[1, 2], [2], [2]]");
  EXPECT_EQ(value("[{'b': 1, 'A': 2} | dictsort, {'b': 1, 'A': 2} | dictsort(by='value'), {'b': 1} | items | list, x | items | list]"),
            "[[('A', 2), ('b', 1)], [('b', 1), ('A', 2)], [('b', 1)], []]");
  EXPECT_EQ(value("'aé' | list"), "['a', 'é']");
  EXPECT_EQ(value("[1, 'a'] | sort"), "invalid_argument: chat template line 1: values of types str and int have no order");
}

TEST(TemplateMethods, Text) {
  EXPECT_EQ(value("[' a '.strip(), 'xxa'.lstrip('x'), 'abab'.rstrip('ba'), 'aXb'.split('X'), ' a  b '.split(), 'a,b,c'.split(',', 1), "
                  "'a,b,c'.rsplit(',', 1)]"),
            "['a', 'a', '', ['a', 'b'], ['a', 'b'], ['a', 'b,c'], ['a,b', 'c']]");
  EXPECT_EQ(
      value("['abc'.startswith('ab'), 'abc'.endswith(('x', 'c')), 'a한b'.find('b'), 'abcb'.rfind('b'), 'aXa'.count('a'), 'x'.find('y')]"),
      "[True, True, 2, 3, 2, -1]");
  EXPECT_EQ(
      value("['aB'.upper(), 'aB c'.title(), 'aB'.swapcase(), 'a\nb\r\nc'.splitlines(), '-'.join(['a', 'b']), 'a-b-c'.partition('-')]"),
      "['AB', 'Ab C', 'Ab', ['a', 'b', 'c'], 'a-b', ('a', '-', 'b-c')]");
  EXPECT_EQ(value("['12'.isdigit(), 'a1'.isalnum(), ' '.isspace(), ''.isalpha(), '7'.zfill(3), 'a'.ljust(3, '.'), 'a'.center(4, '*'), "
                  "'abc'.removeprefix('ab')]"),
            "[True, True, True, False, '007', 'a..', '*a**', 'c']");
  EXPECT_EQ(value("'a'.encode()"), "unimplemented: chat template line 1: the method \"encode\" of str is not supported");
  EXPECT_EQ(value("'a'.split('')"), "invalid_argument: chat template line 1: split needs a separator that is not empty");
  EXPECT_EQ(value("'a'.startswith(x)"), "invalid_argument: chat template line 1: startswith: \"x\" is undefined");
}

TEST(TemplateFormat, PercentAndBraces) {
  EXPECT_EQ(value("'%s=%d|%5.2f|%-4s|%04d|%x|%r|%%' % ('a', 3.7, 2.5, 'b', -7, 255, 'q')"), "a=3| 2.50|b   |-007|ff|'q'|%");
  EXPECT_EQ(value("'%(k)s' % {'k': 1} ~ '%s' % 'x' ~ 'a%s' | format('b')"), "1xab");
  EXPECT_EQ(value("'{} {1} {n} {{}} {:>4} {:.1f} {:,}'.format('a', 'b', n=1)"),
            "invalid_argument: chat template line 1: format: nothing was given for the field \":.1f\"");
  EXPECT_EQ(value("'{} {n} {{}} {:>4}|{:.1f}|{:,}|{!r}'.format('a', 'b', 2.25, 1234567, 'r', n=1)"), "a 1 {}    b|2.2|1,234,567|'r'");
  EXPECT_EQ(value("'%d' % 'a'"), "invalid_argument: chat template line 1: the format 'd' needs a number, not str");
  EXPECT_EQ(value("'%s' % ()"), "invalid_argument: chat template line 1: the format needs more than 0 values");
}

}  // namespace
}  // namespace ondol
