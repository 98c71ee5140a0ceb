#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "grammar/matcher.hpp"
#include "serve/constraints/answer_grammar.hpp"

namespace linnet::serve {
namespace {

CallForm form() {
  CallForm form;
  form.begin = "<call>{\"name\": \"";
  form.middle = "\", \"arguments\": ";
  form.end = "}</call>";
  return form;
}

Result<grammar::Grammar> make(const char* parameters) {
  const Json tools =
      Json::parse(std::string(R"([{"type": "function", "function": {"name": "f", "parameters": )") +
                  parameters + "}}]");
  const std::vector<ControlToken> no_tokens;
  return make_call_grammar(form(), tools, {}, MarkerSpelling(no_tokens));
}

bool accepts(const char* parameters, const std::string& arguments) {
  const auto grammar = make(parameters);
  EXPECT_TRUE(grammar) << grammar.error().message;
  if (!grammar) return false;
  const auto automaton = grammar::PushdownAutomaton::compile(*grammar);
  EXPECT_TRUE(automaton);
  auto matcher = grammar::Matcher::create(*automaton);
  return matcher->advance("<call>{\"name\": \"f\", \"arguments\": " + arguments + "}</call>") &&
         matcher->complete();
}

// The parser takes nothing else, so that a call that has to be made would be lost.
TEST(CallGrammar, ArgumentsAreAnObjectWhateverTheSchemaLeavesOpen) {
  for (const char* open :
       {"{}", R"({"anyOf": [{"type": "object"}, {"type": "integer"}]})",
        R"({"type": ["object", "null"]})", R"({"properties": {"a": {"type": "integer"}}})"}) {
    EXPECT_TRUE(accepts(open, R"({"a":1})")) << open;
    for (const char* other : {"82", "null", "\"a\"", "[]"}) {
      EXPECT_FALSE(accepts(open, other)) << open << other;
    }
  }
}

// Templates of Mistral's models write nine letters and digits.
TEST(CallGrammar, IdsAreFree) {
  CallForm form;
  form.begin = "[CALL]";
  form.middle = "[ID]" + std::string(kIdPlace) + "[ARGS]";
  const Json tools = Json::parse(R"([{"type": "function", "function": {"name": "f"}}])");
  const std::vector<ControlToken> no_tokens;
  const auto grammar = make_call_grammar(form, tools, {}, MarkerSpelling(no_tokens));
  ASSERT_TRUE(grammar) << grammar.error().message;
  const auto automaton = grammar::PushdownAutomaton::compile(*grammar);
  ASSERT_TRUE(automaton);
  const auto fits = [&](const std::string& id) {
    auto matcher = grammar::Matcher::create(*automaton);
    return matcher->advance("[CALL]f[ID]" + id + "[ARGS]{}") && matcher->complete();
  };
  for (const char* id : {"aZ09bcdef", "000000000"}) EXPECT_TRUE(fits(id)) << id;
  for (const char* id : {"", "aZ09bcde", "aZ09bcdefg", "aZ09-cdef"}) EXPECT_FALSE(fits(id)) << id;
}

TEST(CallGrammar, ASchemaWithoutObjectsIsAnError) {
  for (const char* schema : {R"({"type": "string"})", R"({"type": ["array", "null"]})"}) {
    const auto grammar = make(schema);
    ASSERT_FALSE(grammar) << schema;
    EXPECT_THAT(grammar.error().message,
                testing::StartsWith("tool f: its parameters are no object"));
  }
}

CallForm parameter_form() {
  CallForm form;
  form.begin = "<call>";
  form.middle = "(";
  form.end = ")";
  form.has_json_arguments = false;
  form.before_text = "=<";
  form.after_text = ">";
  form.before_json = "=";
  form.separator = ", ";
  form.text_end = ">";
  return form;
}

Result<grammar::Grammar> make_parameters(const CallForm& form, const char* parameters) {
  const Json tools =
      Json::array({{{"function", {{"name", "f"}, {"parameters", Json::parse(parameters)}}}}});
  const std::vector<ControlToken> no_tokens;
  return make_call_grammar(form, tools, {}, MarkerSpelling(no_tokens));
}

bool accepts(const grammar::Grammar& grammar, const std::string& answer) {
  const auto automaton = grammar::PushdownAutomaton::compile(grammar);
  EXPECT_TRUE(automaton);
  auto matcher = grammar::Matcher::create(*automaton);
  return matcher->advance(answer) && matcher->complete();
}

TEST(CallGrammar, SeparatorsStandBetweenParameters) {
  const auto grammar = make_parameters(parameter_form(), R"({"properties": {
    "a": {"type": "string"}, "b": {"type": "integer"}, "c": {"type": "boolean"}},
    "required": ["b"]})");
  ASSERT_TRUE(grammar) << grammar.error().message;
  for (const char* const good : {"b=1", "a=<x>, b=1", "b=1, c=true", "a=<>, b=1, c=false"}) {
    EXPECT_TRUE(accepts(*grammar, std::string("<call>f(") + good + ")")) << good;
  }
  for (const char* const bad : {"", "a=<x>", ", b=1", "b=1, ", "a=<x>b=1", "b=1, a=<x>",
                                "a=<x>y>, b=1", "a=<<![CDATA[>, b=1"}) {
    EXPECT_FALSE(accepts(*grammar, std::string("<call>f(") + bad + ")")) << bad;
  }
}

TEST(CallGrammar, AKeyMayStandBehindTheValue) {
  CallForm form = parameter_form();
  form.before_key = "<";
  form.before_text = form.before_json = ">";
  form.after_text = form.separator = "";
  form.after_value = std::string("</") + std::string(kKeyPlace) + ">";
  form.text_end = "</";
  const auto grammar = make_parameters(
      form, R"({"properties": {"k": {"type": "string"}, "l": {"type": "integer"}}})");
  ASSERT_TRUE(grammar) << grammar.error().message;
  EXPECT_TRUE(accepts(*grammar, "<call>f(<k>a < b</k><l>1</l>)"));
  EXPECT_FALSE(accepts(*grammar, "<call>f(<k>a</l>)"));
}

// What would not be read back is not written, and where nothing is left, that is said.
TEST(CallGrammar, WhatCannotBeReadBackIsNotWritten) {
  const auto grammar = make_parameters(
      parameter_form(),
      R"({"properties": {"a": {"type": "string", "enum": ["x>y", "z"]}}, "required": ["a"]})");
  ASSERT_TRUE(grammar) << grammar.error().message;
  EXPECT_TRUE(accepts(*grammar, "<call>f(a=<z>)"));
  EXPECT_FALSE(accepts(*grammar, "<call>f(a=<x>y>)"));
  const auto none = make_parameters(parameter_form(),
                                    R"({"properties": {"a": {"type": "string", "const": ">"}}})");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message,
            "tool f: parameter a: expected a value that is a text without >, found none");
  const auto name = make_parameters(parameter_form(), R"({"properties": {"a b": {}}})");
  ASSERT_FALSE(name);
  EXPECT_EQ(name.error().message,
            "tool f: parameter a b: its name can't be written in this model's calls");
}

// A string without the end of its parameter takes a state for each pair of characters of both.
TEST(CallGrammar, StringsWithoutTheEndCountWithAllTheirStates) {
  CallForm form = parameter_form();
  form.before_text = "=";
  form.after_text = "";
  form.after_value = form.text_end = "</parameter>";
  Json properties;
  for (int i = 0; i < 20; ++i) {
    properties["p" + std::to_string(i)] = {
        {"type", "array"}, {"items", {{"type", "string"}, {"pattern", "^.{0,2000}$"}}}};
  }
  const auto grammar = make_parameters(form, Json({{"properties", properties}}).dump().c_str());
  ASSERT_FALSE(grammar);
  EXPECT_THAT(grammar.error().message, testing::HasSubstr("parameter p"));
}

std::vector<std::string> triggers(const CallForm& form) {
  return call_triggers(form, Json::parse(R"([{"function": {"name": "f"}},
                                            {"function": {"name": "g"}}])"));
}

TEST(CallTriggers, AreTheFirstMarker) {
  const auto trigger = [](const char* begin) {
    CallForm form;
    form.begin = begin;
    return triggers(form);
  };
  EXPECT_THAT(trigger("\n<tool_call>\n{"), testing::ElementsAre("<tool_call>"));
  EXPECT_THAT(trigger("[TOOL_CALLS][{"), testing::ElementsAre("[TOOL_CALLS]"));
  EXPECT_THAT(trigger("]<]minimax[>[<tool_call>"), testing::ElementsAre("]<]"));
  EXPECT_THAT(trigger("{\"tool_calls\""), testing::ElementsAre("{\"tool_calls\""));
}

TEST(CallTriggers, AreTheHeadersWhereNothingElseComesBefore) {
  EXPECT_THAT(triggers({.begin = "", .end = "", .middle = "\n", .between = ">>>"}),
              testing::ElementsAre(">>>f\n", ">>>g\n"));
}

}  // namespace
}  // namespace linnet::serve
