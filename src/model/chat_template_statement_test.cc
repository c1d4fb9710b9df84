// Statements: loops, conditions, assignments, macros, blocks.

#include <gtest/gtest.h>

#include "model/chat_template_testing.h"

namespace ondol {
namespace {

TEST(TemplateFor, LoopVariable) {
  EXPECT_EQ(rendered("{% for x in 'abc' %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.length }}"
                     "{{ loop.first }}{{ loop.last }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle('p', 'q') }} {% endfor %}"),
            "10323TrueFalsebp 21213FalseFalseacq 32103FalseTruebp ");
}

TEST(TemplateFor, UnpacksAndFiltersAndFallsBack) {
  EXPECT_EQ(rendered("{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }};{% endfor %}"), "a=1;b=2;");
  EXPECT_EQ(rendered("{% for k, (a, b) in [(1, (2, 3))] %}{{ k }}{{ a }}{{ b }}{% endfor %}"), "123");
  EXPECT_EQ(rendered("{% for x in range(9) if x is odd %}{{ x }}{{ '.' if loop.last }}{{ loop.length }} {% endfor %}"), "14 34 54 7.4 ");
  EXPECT_EQ(rendered("{% for x in [] %}x{% else %}none{% endfor %}{% for x in missing %}x{% else %}none{% endfor %}"), "nonenone");
  EXPECT_EQ(rendered("{% for x in {'a': 1} %}{{ x }}{% endfor %}"), "a");
  EXPECT_EQ(rendered("{% for a, b in [(1, 2, 3)] %}{% endfor %}"),
            "invalid_argument: chat template line 1: cannot unpack 3 values into 2 names");
  EXPECT_EQ(rendered("\n{% for x in 5 %}{% endfor %}"),
            "invalid_argument: chat template line 2: a value of type int cannot be looped over");
}

TEST(TemplateFor, ConditionSeesWhatTheBodySet) {
  EXPECT_EQ(rendered("{% set ns = namespace(n=0) %}{% for x in range(9) if ns.n < 2 %}{% set ns.n = ns.n + 1 %}{{ x }}{% endfor %}"), "01");
}

TEST(TemplateFor, BreakAndContinue) {
  EXPECT_EQ(
      rendered("{% for x in range(9) %}{% if x == 1 %}{% continue %}{% endif %}{% if x == 4 %}{% break %}{% endif %}{{ x }}{% endfor %}"),
      "023");
  EXPECT_EQ(rendered("{% for x in [1] %}{% for y in [1, 2] %}{% break %}{% endfor %}{{ x }}{% endfor %}"), "1");
  EXPECT_EQ(rendered("{% break %}"), "invalid_argument: chat template line 1: \"break\" outside of a loop");
  EXPECT_EQ(rendered("{% for x in y %}{% macro m() %}{% continue %}{% endmacro %}{% endfor %}"),
            "invalid_argument: chat template line 1: \"continue\" outside of a loop");
}

TEST(TemplateFor, ElseAlsoRunsIfNoTurnReachedItsEnd) {
  // Jinja marks the loop as having run at the end of a turn.
  EXPECT_EQ(rendered("{% for x in [1, 2] %}{% continue %}{% else %}e{% endfor %}{% for x in [1, 2] %}{% if x == 2 %}{% break %}{% endif "
                     "%}{% else %}e{% endfor %}"),
            "e");
}

TEST(TemplateScope, LoopsKeepTheirAssignments) {
  EXPECT_EQ(rendered("{% set x = 0 %}{% for i in range(3) %}{{ x }}{% set x = i %}{% endfor %}{{ x }}"), "0000");
  EXPECT_EQ(rendered("{% if true %}{% set x = 1 %}{% endif %}{{ x }}"), "1");
  EXPECT_EQ(rendered("{% for x in [1] %}{% endfor %}{{ x is defined }}"), "False");
  EXPECT_EQ(rendered("{% set ns = namespace(x=0) %}{% for i in range(3) %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}"), "3");
  EXPECT_EQ(rendered("{% for x in [[1], [2]] %}{% for x in x %}{{ x }}{% endfor %}{{ x }}{% endfor %}"), "1[1]2[2]");
}

TEST(TemplateSet, TargetsAndBlocks) {
  EXPECT_EQ(rendered("{% set a, b = 1, 2 %}{{ a }}{{ b }}"), "12");
  EXPECT_EQ(rendered("{% set x %}a{{ 1 }}{% endset %}[{{ x }}]"), "[a1]");
  EXPECT_EQ(rendered("{% set x | upper | replace('B', '-') %} abc {% endset %}[{{ x }}]"), "[ A-C ]");
  EXPECT_EQ(rendered("{% set ns = namespace({'a': 1}, b=2) %}{% set ns.c %}3{% endset %}{{ ns.a }}{{ ns.b }}{{ ns.c }}{{ ns.d }}"), "123");
  EXPECT_EQ(
      rendered("{% set d = {} %}{% set d.x = 1 %}"),
      "invalid_argument: chat template line 1: cannot set the attribute \"x\" of a value of type dict; only a namespace() has attributes "
      "that can be set");
  EXPECT_EQ(rendered("{% set true = 1 %}"), "invalid_argument: chat template line 1: cannot assign to \"true\"");
}

TEST(TemplateMacro, ArgumentsAndDefaults) {
  EXPECT_EQ(rendered("{% macro m(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, c=3) }} {{ m(b=5, a=4) }} {{ m() }}"),
            "121 123 454 2");
  EXPECT_EQ(rendered("{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, k=3) }}"), "(1, 2){'k': 3}");
  EXPECT_EQ(rendered("{% macro m(a) %}{{ a }}{% endmacro %}{{ m(*[1]) }}{{ m(**{'a': 2}) }}"), "12");
  EXPECT_EQ(rendered("{% macro m(a) %}{% endmacro %}\n{{ m(1, 2) }}"),
            "invalid_argument: chat template line 2: the macro \"m\" takes at most 1 arguments, got 2");
  EXPECT_EQ(rendered("{% macro m(a) %}{% endmacro %}{{ m(z=1) }}"),
            "invalid_argument: chat template line 1: the macro \"m\" has no parameter \"z\"");
  EXPECT_EQ(rendered("{% macro m(a) %}{% endmacro %}{{ m(1, a=1) }}"),
            "invalid_argument: chat template line 1: the macro \"m\" got two values for \"a\"");
}

TEST(TemplateMacro, SeesVariablesWhereItWasDefined) {
  EXPECT_EQ(rendered("{% macro m() %}{{ x }}{% set y = 1 %}{% endmacro %}{% set x = 1 %}{{ m() }}{{ y is defined }}"), "1False");
  EXPECT_EQ(rendered("{% for i in range(2) %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}"), "01");
  EXPECT_EQ(rendered("{% macro f(n) %}{{ n * (f(n - 1) | int) if n > 1 else 1 }}{% endmacro %}{{ f(10) }}"), "3628800");
}

TEST(TemplateMacro, CallBlocksPassTheirBody) {
  EXPECT_EQ(rendered("{% macro m(a) %}<{{ caller(a, 2) }}>{% endmacro %}{% call(x, y=9) m(1) %}{{ x }}{{ y }}{% endcall %}"), "<12>");
  EXPECT_EQ(rendered("{% macro m() %}{{ caller() if caller else 'alone' }}{% endmacro %}{{ m() }}{% call m() %}body{% endcall %}"),
            "alonebody");
  EXPECT_EQ(rendered("{% call x %}{% endcall %}"), "invalid_argument: chat template line 1: \"{% call %}\" needs a call of a macro");
}

TEST(TemplateBlocks, FilterWithAndGeneration) {
  EXPECT_EQ(rendered("{% filter upper | trim %} a{{ 'b' }} {% endfilter %}"), "AB");
  EXPECT_EQ(rendered("{% set a = 1 %}{% with a = 2, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}{{ b }}"), "211");
  EXPECT_EQ(rendered("{% generation %}x{% set y = 1 %}{% endgeneration %}{{ y }}"), "x");
}

TEST(TemplateIf, TakesTheFirstTrueBranch) {
  EXPECT_EQ(rendered("{% for x in [0, 1, 2, 3] %}{% if x == 0 %}a{% elif x == 1 %}b{% elif x == 2 %}c{% else %}d{% endif %}{% endfor %}"),
            "abcd");
}

TEST(TemplateLists, GrowInPlace) {
  EXPECT_EQ(
      rendered("{% set l = [1] %}{% for i in range(3) %}{{ l.append(i) or '' }}{% endfor %}{{ l }}{{ l.pop() }}{{ l.pop(0) }}{{ l }}"),
      "[1, 0, 1, 2]21[0, 1]");
  EXPECT_EQ(rendered("{% set l = [3] %}{% set _ = l.insert(0, 1) %}{% set _ = l.extend([5, 1]) %}{{ l }}{{ l.index(5) }}{{ l.count(1) }}"),
            "[1, 3, 5, 1]22");
  EXPECT_EQ(rendered("{% set d = {'a': 1} %}{% set _ = d.update({'b': 2}, c=3) %}{{ d }}{{ d.pop('a') }}{{ d.get('z', 7) }}{{ d.get('z') "
                     "}}{{ d.setdefault('q', 4) }}{{ d }}"),
            "{'a': 1, 'b': 2, 'c': 3}17None4{'b': 2, 'c': 3, 'q': 4}");
}

TEST(TemplateDict, KeepsOrderAndFindsManyKeys) {
  EXPECT_EQ(rendered("{% set d = {} %}{% for i in range(100) %}{% set _ = d.update({(99 - i): i}) %}{% endfor %}{{ d | length }} {{ d[0] "
                     "}} {{ d[99] }} "
                     "{{ d.pop(50) }} {{ 50 in d }} {{ d[49] }} {{ (d | list)[:2] }} {{ d[1.0] }}"),
            "100 99 0 49 False 50 [99, 98] 98");
  EXPECT_EQ(rendered("{{ {1: 'a', 1.0: 'b', true: 'c', '1': 'd', none: 'e', (1, 2): 'f'} }}"),
            "{1: 'c', '1': 'd', None: 'e', (1, 2): 'f'}");
  EXPECT_EQ(rendered("{{ {[]: 1} }}"), "invalid_argument: chat template line 1: a value of type list cannot be a key");
}

}  // namespace
}  // namespace ondol
