#include <gtest/gtest.h>

#include "chat/render.hpp"

// Where Jinja2 or Python says something else than we do, or gives what we don't.

namespace linnet::jinja {
namespace {

TEST(MessagesTest, OfWhatCannotBeRead) {
  const auto expect_error = [](const char* source, const std::string& message) {
    EXPECT_EQ(render(source), "error: template, line 1: " + message) << source;
  };
  expect_error("{% set 'a' = 1 %}", "expected a name, found a string");
  expect_error("{% set {{ a }} = 1 %}", "expected a name, found '{'");
  expect_error("{% set a = %}", "expected an expression, found '%}'");
  expect_error("{% if 1 {% endif %}", "a tag has no end");
  expect_error("{% macro m(a, a) %}{% endmacro %}", "two parameters are named 'a'");
  expect_error("{{ m(a=1, a=2) }}", "keyword argument repeated: a");
  expect_error("{{ '\\N{DASH}' }}", "a string has a \\N escape, which is not supported");
  expect_error("{{ 99999999999999999999999999999999999999999999 }}",
               "the number 99999999999999999999999999999999999999999999 is too large");
}

TEST(MessagesTest, OfWhatCannotBeDone) {
  const auto expect_error = [](const char* source, const std::string& message) {
    EXPECT_EQ(render(source), "error: template, line 1: " + message) << source;
  };
  expect_error("{{ '{:{}}'.format(1, 5) }}", "nested fields in formats are not supported");
  expect_error("{{ '%d' % 1e40 }}", "a number is too large to format");
  expect_error("{{ 1|tojson(separators=(1, 2)) }}", "tojson: separators must be two strings");
  expect_error("{{ '99999999999999999999999999999999999999999999'|int }}",
               "an integer becomes too large");
  expect_error("{{ 'a' * 99999999999 }}", "a value is repeated 99999999999 times");
  expect_error("{{ (-8) ** 0.5 }}", "a power is not a real number");
  expect_error("{{ 5() }}", "'int' is not callable");
  expect_error("{{ namespace(a=1)() }}", "'object' is not callable");
  expect_error("{% set j = joiner() %}{% set j.a = 1 %}",
               "cannot assign attribute on non-namespace object");
}

TEST(MessagesTest, OfArguments) {
  const auto expect_error = [](const char* source, const std::string& message) {
    EXPECT_EQ(render(source), "error: template, line 1: " + message) << source;
  };
  expect_error("{{ 'a'.zfill(1, 2) }}", "zfill() takes at most 1 arguments, got 2");
  expect_error("{{ 'a'.zfill('b') }}", "zfill() needs an integer as 'width', not 'str'");
  expect_error("{{ 'a'.removeprefix(1) }}", "removeprefix() needs a string as 'affix', not 'int'");
  expect_error("{{ 'a'.isascii(1) }}", "isascii() takes no arguments");
}

TEST(ObjectsTest, ShowWhatTheyAre) {
  EXPECT_EQ(render("{{ 'x'.upper }}{{ range }}{{ joiner() }}{{ cycler(1) }}{{ cycler(1).next }}"),
            "<built-in method upper of str object><function range><Joiner><Cycler>"
            "<bound method of Cycler>");
  EXPECT_EQ(render("{% for x in [1] %}{{ loop }}{{ loop.cycle }}{{ loop.nope is defined }}"
                   "{% endfor %}{{ [1]|map('string') }}"),
            "<LoopContext><bound method of LoopContext>False<generator object>");
  EXPECT_EQ(render("{% macro m() %}{% endmacro %}{{ m }}{{ namespace(a=[1]) }}{{ namespace() }}"),
            "<Macro 'm'><Namespace {'a': [1]}><Namespace {}>");
}

TEST(ObjectsTest, HaveNoOtherAttributes) {
  EXPECT_EQ(render("{{ joiner().a is defined }}{{ range.a is defined }}{{ 'x'.upper.a }}"),
            "FalseFalse");
}

}  // namespace
}  // namespace linnet::jinja
