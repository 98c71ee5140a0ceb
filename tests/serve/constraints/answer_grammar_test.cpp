#include "serve/constraints/answer_grammar.hpp"

#include <gtest/gtest.h>

#include "grammar/gbnf.hpp"
#include "grammar/matcher.hpp"

namespace linnet::serve {
namespace {

bool accepts(ThinkingStage thinking, std::string_view answer) {
  OutputFormat format;
  format.reasoning = {"<think>", "</think>"};
  const std::vector<ControlToken> no_tokens;
  const MarkerSpelling spelling(no_tokens);
  AnswerRules rules{.format = format, .thinking = thinking, .markers = spelling};
  rules.text = *grammar::parse_gbnf("root ::= \"yes\"");
  const auto automaton = grammar::PushdownAutomaton::compile(make_answer_grammar(rules));
  EXPECT_TRUE(automaton);
  auto matcher = grammar::Matcher::create(*automaton);
  EXPECT_TRUE(matcher);
  return matcher->advance(answer) && matcher->complete();
}

TEST(AnswerGrammar, ThinkingMayComeFirst) {
  EXPECT_TRUE(accepts(ThinkingStage::kAhead, "yes"));
  EXPECT_TRUE(accepts(ThinkingStage::kAhead, "<think>hm</think>\n\nyes"));
  EXPECT_FALSE(accepts(ThinkingStage::kAhead, "hm</think>\n\nyes"));
}

TEST(AnswerGrammar, ThinkingThatHasBegunMustEnd) {
  EXPECT_TRUE(accepts(ThinkingStage::kUnderWay, "hm</think>\n\nyes"));
  EXPECT_FALSE(accepts(ThinkingStage::kUnderWay, "yes"));
}

// Whoever has turned it off wants none, also where the answer has a form.
TEST(AnswerGrammar, ThinkingThatIsOverDoesNotBeginAgain) {
  EXPECT_TRUE(accepts(ThinkingStage::kOver, "yes"));
  EXPECT_FALSE(accepts(ThinkingStage::kOver, "<think>hm</think>\n\nyes"));
}

// The parser sees texts, and takes what is spelled out for the token.
TEST(AnswerGrammar, ControlTokensAreNotSpelledOut) {
  const std::vector<ControlToken> tokens = {{7, "<call>"}};
  const MarkerSpelling spelling(tokens);
  const grammar::Grammar grammar{{{"root", spelling.without("<call>")}}, 0};
  const auto automaton = grammar::PushdownAutomaton::compile(grammar);
  ASSERT_TRUE(automaton);
  for (const auto& [text, fits] : {std::pair("a <calm>", true), std::pair("a <call>", false)}) {
    auto matcher = grammar::Matcher::create(*automaton);
    EXPECT_EQ(matcher->advance(text) && matcher->complete(), fits) << text;
  }
}

}  // namespace
}  // namespace linnet::serve
