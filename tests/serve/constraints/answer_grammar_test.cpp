#include "serve/constraints/answer_grammar.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "chat/output/families.hpp"
#include "grammar/gbnf.hpp"
#include "grammar/grammar_session.hpp"
#include "grammar/matcher.hpp"

namespace linnet::serve {
namespace {

bool accepts(const OutputFormat& format, ThinkingStage thinking, std::string_view answer,
             std::optional<grammar::Grammar> calls = {}) {
  const std::vector<ControlToken> no_tokens;
  const MarkerSpelling spelling(no_tokens);
  AnswerRules rules{.format = format, .thinking = thinking, .markers = spelling};
  rules.calls = std::move(calls);
  rules.text = *grammar::parse_gbnf("root ::= \"yes\"");
  const auto automaton = grammar::PushdownAutomaton::compile(make_answer_grammar(rules));
  EXPECT_TRUE(automaton);
  auto matcher = grammar::Matcher::create(*automaton);
  EXPECT_TRUE(matcher);
  return matcher->advance(answer) && matcher->complete();
}

bool accepts(ThinkingStage thinking, std::string_view answer) {
  OutputFormat format;
  format.reasoning = {"<think>", "</think>"};
  return accepts(format, thinking, answer);
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

// The parser takes such calls, too.
TEST(AnswerGrammar, ACallEndsThinkingThatHasNoEnd) {
  const OutputFormat format =
      detect_output_format("<think></think><tool_call><function=<parameter=");
  const std::vector<ControlToken> no_tokens;
  const MarkerSpelling spelling(no_tokens);
  const auto fits = [&](ThinkingStage thinking, std::string_view answer, bool has_calls) {
    AnswerRules rules{.format = format, .thinking = thinking, .markers = spelling};
    if (has_calls) rules.calls = *grammar::parse_gbnf("root ::= \"<tool_call>f</tool_call>\"");
    if (has_calls) rules.triggers = {"<tool_call>"};
    if (has_calls) rules.begins_in_thinking = {"<tool_call>f"};
    rules.must_call = has_calls;
    if (!has_calls) rules.text = *grammar::parse_gbnf("root ::= \"yes\"");
    const auto automaton = grammar::PushdownAutomaton::compile(make_answer_grammar(rules));
    EXPECT_TRUE(automaton);
    auto matcher = grammar::Matcher::create(*automaton);
    return matcher->advance(answer) && matcher->complete();
  };
  const std::string call = "<tool_call>f</tool_call>";
  EXPECT_TRUE(fits(ThinkingStage::kUnderWay, "hm " + call, true));
  EXPECT_TRUE(fits(ThinkingStage::kUnderWay, "hm</think>\n\n" + call, true));
  EXPECT_TRUE(fits(ThinkingStage::kAhead, "<think>hm " + call, true));
  EXPECT_TRUE(fits(ThinkingStage::kAhead, call, true));
  EXPECT_TRUE(fits(ThinkingStage::kUnderWay, "hm <tool_call>g</tool_call></think>" + call, true))
      << "it is but mentioned";
  EXPECT_TRUE(fits(ThinkingStage::kUnderWay, "hm <tool_call>g " + call, true));
  EXPECT_FALSE(fits(ThinkingStage::kUnderWay, "hm " + call + "</think>" + call, true));
  EXPECT_TRUE(fits(ThinkingStage::kUnderWay, "hm <tool_call></think>yes", false));
  EXPECT_FALSE(fits(ThinkingStage::kUnderWay, "hm " + call, false));
}

// gpt-oss thinks in a message of its own, and each message names its channel.
TEST(AnswerGrammar, OfGptOssAreMessages) {
  OutputFormat format;
  format.family = &*std::ranges::find(families(), "harmony", &Family::name);
  const std::string thinking = "<|channel|>analysis<|message|>hm<|end|><|start|>assistant";
  const std::string text = "<|channel|>final<|message|>yes";
  const auto fits = [&](const std::string& answer, std::optional<grammar::Grammar> calls = {}) {
    return accepts(format, ThinkingStage::kAhead, answer, std::move(calls));
  };
  EXPECT_TRUE(fits(text));
  EXPECT_TRUE(fits(thinking + text));
  EXPECT_FALSE(fits("yes"));
  EXPECT_FALSE(fits(thinking));
  EXPECT_FALSE(fits(thinking + thinking + text));
  EXPECT_FALSE(fits("<|channel|>final<|message|>no"));
  const auto calls = *grammar::parse_gbnf("root ::= \"<call>\"");
  EXPECT_TRUE(fits(thinking + "<call>", calls));
  EXPECT_TRUE(fits(thinking + text, calls));
  EXPECT_FALSE(fits(text + "<call>", calls));  // one message, which is the last
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
  const std::vector<std::string> markers = {"<call>"};
  const grammar::Grammar grammar{{{"root", spelling.without(markers)}}, 0};
  const auto automaton = grammar::PushdownAutomaton::compile(grammar);
  ASSERT_TRUE(automaton);
  for (const auto& [text, fits] : {std::pair("a <calm>", true), std::pair("a <call>", false)}) {
    auto matcher = grammar::Matcher::create(*automaton);
    EXPECT_EQ(matcher->advance(text) && matcher->complete(), fits) << text;
  }
}

TEST(AnswerGrammar, ControlTokensAreTokensAmidText) {
  const std::vector<ControlToken> tokens = {{2, "<call>"}};
  const MarkerSpelling spelling(tokens);
  const grammar::Grammar grammar{{{"root", spelling.spelled("a<call>b")}}, 0};
  const auto automaton = grammar::PushdownAutomaton::compile(grammar);
  ASSERT_TRUE(automaton);
  const auto vocabulary = *grammar::Vocabulary::create({"a", "b", "<call>", "<", ""}, {4});
  auto session =
      *grammar::GrammarSession::create(*grammar::TokenMask::create(*automaton, vocabulary));
  for (const std::int32_t token : {0, 2, 1}) {
    for (std::int32_t id = 0; id < 5; ++id) {
      EXPECT_EQ(session.allows(id), id == token) << token << id;
    }
    ASSERT_TRUE(session.accept(token));
  }
  EXPECT_TRUE(session.complete());
}

// Functionary's calls behind a text: f and g, of which g is not allowed.
bool accepts_calls(std::string_view answer, bool are_parallel = true) {
  const Json tools = Json::parse(R"([{"function": {"name": "f"}}, {"function": {"name": "g"}}])");
  const OutputFormat format = detect_output_format(">>>all");
  const CallForm form{.begin = "", .end = "", .middle = "\n", .between = ">>>"};
  const std::vector<ControlToken> no_tokens;
  const MarkerSpelling spelling(no_tokens);
  AnswerRules rules{.format = format, .markers = spelling};
  rules.calls =
      *make_call_grammar(form, tools, {.names = {"f"}, .parallel = are_parallel}, spelling);
  rules.triggers = call_triggers(form, tools);
  const auto automaton = grammar::PushdownAutomaton::compile(make_answer_grammar(rules));
  EXPECT_TRUE(automaton);
  auto matcher = grammar::Matcher::create(*automaton);
  EXPECT_TRUE(matcher);
  return matcher->advance(answer) && matcher->complete();
}

TEST(AnswerGrammar, CallsMayComeBehindATextWhereMessagesAreWrittenSo) {
  for (const char* const good : {"all\nI look.", "all\nI look.>>>f\n{}", "f\n{}", "f\n{}>>>f\n{}",
                                 "all\n>>>>f\n{}>>>f\n{}"}) {
    EXPECT_TRUE(accepts_calls(good)) << good;
  }
  for (const char* const bad : {"all\nI look.>>>f\n", "all\nI look.>>>g\n{}", "f\n{}>>>all\na",
                                "all\nI look.>>>f\n{}a", "I look.>>>f\n{}"}) {
    EXPECT_FALSE(accepts_calls(bad)) << bad;
  }
  EXPECT_TRUE(accepts_calls("all\nI look.>>>f\n{}", /*are_parallel=*/false));
  EXPECT_FALSE(accepts_calls("all\nI look.>>>f\n{}>>>f\n{}", /*are_parallel=*/false));
}

TEST(AnswerGrammar, TextMayHaveWhatStandsInFrontOfCallsButNoCall) {
  EXPECT_TRUE(accepts_calls("all\nA doctest:\n>>> f(1)\n>>>f(1)\n>>>ff\n>>>"));
  EXPECT_FALSE(accepts_calls("all\n>>>f\n"));
  EXPECT_FALSE(accepts_calls("all\n>>>g\n"));
}

}  // namespace
}  // namespace linnet::serve
