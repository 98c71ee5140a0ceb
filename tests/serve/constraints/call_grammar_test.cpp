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

TEST(CallGrammar, ASchemaWithoutObjectsIsAnError) {
  for (const char* schema : {R"({"type": "string"})", R"({"type": ["array", "null"]})"}) {
    const auto grammar = make(schema);
    ASSERT_FALSE(grammar) << schema;
    EXPECT_THAT(grammar.error().message,
                testing::StartsWith("tool f: its parameters are no object"));
  }
}

}  // namespace
}  // namespace linnet::serve
