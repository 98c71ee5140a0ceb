#include <gtest/gtest.h>

#include "chat/render.hpp"

namespace linnet::jinja {
namespace {

TEST(ParserTest, OperatorsBindAsInJinja) {
  EXPECT_EQ(render("{{ 1 + 2 * 3 }}"), "7");
  EXPECT_EQ(render("{{ 2 ** 3 ** 2 }}"), "64");  // to the left, unlike Python
  EXPECT_EQ(render("{{ -2 ** 2 }}"), "4");
  EXPECT_EQ(render("{{ 1 ~ 2 + 3 }}"),
            "error: template, line 1: unsupported operand types for "
            "+: 'str' and 'int'");
  EXPECT_EQ(render("{{ not 1 == 2 }}"), "True");
  EXPECT_EQ(render("{{ 1 or 0 and 0 }}"), "1");
  EXPECT_EQ(render("{{ 'a' ~ 'b' | upper }}"), "aB");
  EXPECT_EQ(render("{{ -5 | abs }}"), "5");
  EXPECT_EQ(render("{{ 1 if 0 else 2 if 0 else 3 }}"), "3");
  EXPECT_EQ(render("{{ 1 < 2 < 3 }}{{ 1 < 3 < 2 }}"), "TrueFalse");
  EXPECT_EQ(render("{{ not 1 is odd }}{{ 3 is divisibleby 3 and true }}"), "FalseTrue");
}

TEST(ParserTest, SyntaxErrorsNameLineAndExpectation) {
  EXPECT_EQ(render("\n{{ }}"), "error: template, line 2: expected an expression, found '}}'");
  EXPECT_EQ(render("{% if 1 %}"),
            "error: template, line 1: expected '{% endif %}', found the end of the template");
  EXPECT_EQ(render("{% endif %}"), "error: template, line 1: unknown or unsupported tag 'endif'");
  EXPECT_EQ(render("{% for x y %}"), "error: template, line 1: expected 'in', found 'y'");
  EXPECT_EQ(render("{% set true = 1 %}"), "error: template, line 1: can't assign to 'true'");
  EXPECT_EQ(render("{{ f(a=1, 2) }}"),
            "error: template, line 1: invalid syntax for function call expression");
  EXPECT_EQ(render("{% break %}"), "error: template, line 1: 'break' outside of a loop");
  EXPECT_EQ(render("{% for i in [1] %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}"),
            "error: template, line 1: 'break' outside of a loop");
  EXPECT_EQ(render("{% macro m(a=1, b) %}{% endmacro %}"),
            "error: template, line 1: non-default argument follows default argument");
}

TEST(ParserTest, NothingOutsideCanBeReached) {
  for (const char* tag : {"{% include '/etc/passwd' %}", "{% import 'x' as y %}",
                          "{% extends 'x' %}", "{% from 'x' import y %}"}) {
    EXPECT_EQ(render(tag).substr(0, 53), "error: template, line 1: unknown or unsupported tag '")
        << tag;
  }
  EXPECT_EQ(render("{{ ''.__class__ is undefined }}"), "True");
  EXPECT_EQ(render("{{ ''.__class__.__mro__ }}"),
            "error: template, line 1: 'str object' has no attribute '__class__'");
}

TEST(ParserTest, UnknownFiltersFailEarlyUnlessConditional) {
  const std::string early = "error: template, line 1: No filter named 'nope'";
  EXPECT_EQ(render("{% for i in [] %}{{ 1|nope }}{% endfor %}"), early);
  EXPECT_EQ(render("{% macro m() %}{{ 1|nope }}{% endmacro %}"), early);
  EXPECT_EQ(render("{% if false %}{{ 1|nope }}{% endif %}x"), "x");
  EXPECT_EQ(render("{{ 1|nope if false else 2 }}"), "2");
  EXPECT_EQ(render("{% if true %}{{ 1|nope }}{% endif %}"), early);
  EXPECT_EQ(render("{{ 1 is nope }}"), "error: template, line 1: No test named 'nope'");
}

}  // namespace
}  // namespace linnet::jinja
