#include <gtest/gtest.h>

#include "chat/render.hpp"

namespace linnet::jinja {
namespace {

TEST(ForTest, KnowsItsPlace) {
  EXPECT_EQ(render("{% for i in 'abc' %}{{ loop.index }}{{ loop.revindex0 }}"
                   "{{ loop.previtem }}{{ loop.nextitem }}{{ loop.last }} {% endfor %}"),
            "12bFalse 21acFalse 30bTrue ");
  EXPECT_EQ(render("{% for i in [3, 1, 2] if i > 1 %}{{ loop.index }}:{{ i }} {% endfor %}"),
            "1:3 2:2 ");
  EXPECT_EQ(render("{% for i in [] %}x{% else %}none{% endfor %}"), "none");
  EXPECT_EQ(render("{% for k, v in {'a': 1}.items() %}{{ k }}{{ v }}{% endfor %}"), "a1");
}

TEST(ForTest, ItsConditionSeesWhatTheBodyDid) {
  const std::string begin =
      "{% set n = namespace(count=0) %}{% for i in range(5) if n.count < 2 %}"
      "{% set n.count = n.count + 1 %}{{ i }}";
  EXPECT_EQ(render(begin + "{% endfor %}"), "01");
  EXPECT_EQ(render(begin + "{{ loop.index }}{% endfor %}"), "0112");
  EXPECT_EQ(render(begin + "{{ loop.last }}{% endfor %}"), "0False1True");
  EXPECT_EQ(render(begin + "{{ loop.nextitem }};{% endfor %}"), "01;1;");
  EXPECT_EQ(render(begin + "{{ loop.length }}{% endfor %}"),
            "05152535"
            "45");
  EXPECT_EQ(render("{% set n = namespace() %}{% for i in [1, 2, 3] %}{% set n.loop = loop %}"
                   "{% break %}{% endfor %}{{ n.loop.length }}{{ n.loop.last }}"),
            "3False");
}

TEST(ForTest, BreaksAndContinues) {
  EXPECT_EQ(render("{% for i in range(9) %}{% if i == 1 %}{% continue %}{% endif %}"
                   "{% if i == 4 %}{% break %}{% endif %}{{ i }}{% endfor %}"),
            "023");
}

TEST(ForTest, RecursesOverItems) {
  EXPECT_EQ(render("{% for i in [[1, [2]], 3] recursive %}{% if i is iterable %}"
                   "({{ loop(i) }}){% else %}{{ i }}{% endif %}{% endfor %}"),
            "(1(2))3");
}

TEST(ForTest, RefusesWhatCannotBeGoneThrough) {
  EXPECT_EQ(render("{% for i in none %}{% endfor %}"),
            "error: template, line 1: 'NoneType' object is not iterable");
  EXPECT_EQ(render("{% for a, b in [[1, 2, 3]] %}{% endfor %}"),
            "error: template, line 1: expected 2 values to unpack, got 3");
}

TEST(ScopeTest, LoopsKeepWhatTheySet) {
  EXPECT_EQ(render("{% set x = 1 %}{% for i in [1, 2] %}{{ x }}{% set x = 2 %}{% endfor %}{{ x }}"),
            "111");
  EXPECT_EQ(render("{% if true %}{% set x = 1 %}{% endif %}{{ x }}"), "1");
  EXPECT_EQ(render("{% set n = namespace(x=1) %}{% for i in [1, 2] %}{% set n.x = n.x + i %}"
                   "{% endfor %}{{ n.x }}"),
            "4");
  EXPECT_EQ(render("{% set d = {} %}{% set d.x = 1 %}"),
            "error: template, line 1: cannot assign attribute on non-namespace object");
}

TEST(MacroTest, BindsArguments) {
  const std::string macro = "{% macro m(a, b=a) %}{{ a }}-{{ b }}{% endmacro %}";
  EXPECT_EQ(render(macro + "{{ m(1) }} {{ m(1, b=2) }} {{ m(b=3, a=4) }} {{ m() }}"),
            "1-1 1-2 4-3 -");
  EXPECT_EQ(render(macro + "{{ m(1, 2, 3) }}"),
            "error: template, line 1: macro 'm' takes not more than 2 argument(s)");
  EXPECT_EQ(render(macro + "{{ m(c=1) }}"),
            "error: template, line 1: macro 'm' takes no keyword argument 'c'");
  EXPECT_EQ(render("{% macro m(a) %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, b=3) }}"),
            "(2,){'b': 3}");
}

TEST(MacroTest, SeesTheScopeWhereItWasDefined) {
  EXPECT_EQ(render("{% macro m() %}{{ z }}{% endmacro %}{% set z = 5 %}{{ m() }}"), "5");
  EXPECT_EQ(render("{% macro m() %}{{ q }}{% endmacro %}{% for q in [1] %}[{{ m() }}]{% endfor %}"),
            "[]");
  EXPECT_EQ(
      render("{% for q in [1, 2] %}{% macro m() %}{{ q }}{% endmacro %}{{ m() }}{% endfor %}"),
      "12");
}

TEST(MacroTest, CallBlocksCallBack) {
  EXPECT_EQ(render("{% macro m() %}[{{ caller(1) }}]{% endmacro %}"
                   "{% call(x) m() %}{{ x + 1 }}{% endcall %}"),
            "[2]");
}

TEST(BlocksTest, CaptureTheirOutput) {
  EXPECT_EQ(render("{% set x %}a{{ 1 }}{% endset %}[{{ x }}]"), "[a1]");
  EXPECT_EQ(render("{% set x | upper %}a{% endset %}{{ x }}"), "A");
  EXPECT_EQ(render("{% filter upper | replace('A', 'b') %}a{% endfilter %}"), "b");
  EXPECT_EQ(render("{% with a = 1 %}{{ a }}{% endwith %}{{ a }}"), "1");
  EXPECT_EQ(render("{% generation %}x{% set q = 2 %}{% endgeneration %}{{ q }}"), "x");
}

TEST(UndefinedTest, IsEmptyUntilItIsNeeded) {
  EXPECT_EQ(render("[{{ x }}{{ x|length }}{{ x is defined }}{{ x == y }}]"), "[0FalseTrue]");
  EXPECT_EQ(render("{{ x.y }}"), "error: template, line 1: 'x' is undefined");
  EXPECT_EQ(render("{{ a.b.c }}", R"({"a": {}})"),
            "error: template, line 1: 'dict object' has no attribute 'b'");
  EXPECT_EQ(render("\n{{ x + 1 }}"), "error: template, line 2: 'x' is undefined");
  EXPECT_EQ(render("{{ x() }}"), "error: template, line 1: 'x' is undefined");
}

TEST(FunctionsTest, AreThere) {
  EXPECT_EQ(render("{{ range(1, 10, 3)|list }}{{ range(3) }}"), "[1, 4, 7]range(0, 3)");
  EXPECT_EQ(render("{{ strftime_now('%d %b %Y') }}"), "10 Jul 2025");
  EXPECT_EQ(render("{{ raise_exception('no roles') }}"), "error: template, line 1: no roles");
  EXPECT_EQ(render("{% set j = joiner('+') %}{{ j() }}a{{ j() }}b"), "a+b");
  EXPECT_EQ(render("{% set c = cycler(1, 2) %}{{ c.next() }}{{ c.next() }}{{ c.next() }}"), "121");
  EXPECT_EQ(render("{{ strftime_now('%1000000d') }}"),
            "error: template, line 1: strftime_now: the format '%1000000d' is not supported");
}

}  // namespace
}  // namespace linnet::jinja
