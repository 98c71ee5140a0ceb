// The log probabilities of a prompt's tokens are those of the model's logits, bit for bit: whatever
// the cache holds, whoever else is there, and where the prompt was computed twice.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/test_name.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

using test::greedy;
using test::Text;
using testing::HasSubstr;

using Scores = std::vector<TokenLogprobs>;
using Tokens = std::vector<TokenId>;

// Equal in all bits.
bool are_same(const TokenLogprobs::Entry& a, const TokenLogprobs::Entry& b) {
  return a.token == b.token && a.logprob == b.logprob;
}

void expect_same(const Scores& a, const Scores& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_TRUE(are_same(a[i].chosen, b[i].chosen)) << i;
    EXPECT_TRUE(std::ranges::equal(a[i].top, b[i].top, are_same)) << i;
  }
}

// Its scores go to `scores`, which outlives it.
GenerateRequest scored(Tokens prompt, std::int64_t max_tokens, Scores& scores) {
  GenerateRequest request = greedy(std::move(prompt), max_tokens);
  request.top_logprobs = 2;
  request.on_prompt_logprobs = [&scores](const TokenLogprobs& of) { scores.push_back(of); };
  return request;
}

class PromptLogprobs : public testing::TestWithParam<const char*> {
 protected:
  Scores expected(const Tokens& prompt) const {
    const auto engine = model_.engine();
    const auto logits = test::all_logits(*engine, prompt);
    EXPECT_TRUE(logits) << logits.error().message;
    const auto vocabulary = static_cast<std::size_t>(model_.vocabulary());
    Scores scores;
    for (std::size_t i = 0; i + 1 < prompt.size(); ++i) {
      scores.push_back(token_logprobs(std::span(*logits).subspan(i * vocabulary, vocabulary),
                                      prompt[i + 1], /*top=*/2));
    }
    return scores;
  }
  Tokens text_behind(const Tokens& prompt, std::int64_t max_tokens) const {
    return test::run(*model_.engine(), greedy(prompt, max_tokens)).tokens;
  }

  const test::TinyModel model_{GetParam()};
};

TEST_P(PromptLogprobs, AreThoseOfTheModel) {
  const auto engine = model_.engine();
  const Tokens prompt = model_.prompt(75);
  Scores scores;
  const Text text = test::run(*engine, scored(prompt, 8, scores));
  EXPECT_EQ(text.error, "");
  expect_same(scores, expected(prompt));
  EXPECT_EQ(text.tokens, text_behind(prompt, 8));
}

TEST_P(PromptLogprobs, AreComputedWhateverTheCacheHolds) {
  const auto engine = model_.engine();
  const Tokens prompt = model_.prompt(100);
  test::run(*engine, greedy(prompt, 20));
  Scores scores;
  const Text text = test::run(*engine, scored(prompt, 8, scores));
  EXPECT_EQ(text.cached_tokens, 0);
  expect_same(scores, expected(prompt));
  EXPECT_EQ(text.tokens, text_behind(prompt, 8));
  EXPECT_EQ(test::run(*engine, greedy(prompt, 8)).cached_tokens, 99) << "it is known afterwards";
}

TEST_P(PromptLogprobs, CompanyDoesNotChangeThem) {
  const auto engine = model_.engine();
  std::vector<Scores> scores(6);
  std::vector<Text> texts(12);
  for (int i = 0; i < 12; ++i) {
    const Tokens prompt = model_.prompt(40 + 3 * i, i / 3);
    const bool is_scored = i % 2 == 0;
    test::submit(*engine, is_scored ? scored(prompt, 10, scores[i / 2]) : greedy(prompt, 10),
                 texts[i]);
  }
  test::finish(*engine);
  for (int i = 0; i < 12; ++i) {
    const Tokens prompt = model_.prompt(40 + 3 * i, i / 3);
    EXPECT_EQ(texts[i].tokens, text_behind(prompt, 10)) << i;
    if (i % 2 == 0) expect_same(scores[i / 2], expected(prompt));
  }
}

// Each has room, two of them have not: one begins again, and is told of nothing twice.
TEST_P(PromptLogprobs, ComeOnceWhereAPromptBeginsAgain) {
  const auto engine = model_.engine(test::TinyModel::options(), 6 * kPageTokens);
  std::vector<Scores> scores(3);
  std::vector<Text> texts(3);
  for (int i = 0; i < 3; ++i) {
    test::submit(*engine, scored(model_.prompt(70 + i, i), 60, scores[i]), texts[i]);
  }
  test::finish(*engine);
  for (int i = 0; i < 3; ++i) {
    const Tokens prompt = model_.prompt(70 + i, i);
    expect_same(scores[i], expected(prompt));
    EXPECT_EQ(texts[i].tokens, text_behind(prompt, 60)) << i;
  }
}

TEST_P(PromptLogprobs, NeedNoText) {
  const auto engine = model_.engine();
  const Tokens prompt = model_.prompt(64);
  Scores scores;
  const Text text = test::run(*engine, scored(prompt, 0, scores));
  EXPECT_EQ(text.reason, FinishReason::kLength);
  EXPECT_TRUE(text.tokens.empty());
  expect_same(scores, expected(prompt));
}

INSTANTIATE_TEST_SUITE_P(Models, PromptLogprobs,
                         testing::Values("llama-dense", "mamba2-dense", "qwen3next-moe"),
                         test::test_name<const char*>);

// The first one is told of before it gives its memory away in the middle of its prompt.
TEST(PromptLogprobsOfAPrompt, ComeOnceWhereItIsPreemptedHalfway) {
  const test::TinyModel model("llama-dense");
  const auto engine = model.engine(test::TinyModel::options(), 8 * kPageTokens);
  const Tokens prompt = model.prompt(200, 1);
  Text older;
  test::submit(*engine, greedy(model.prompt(20), 230), older);
  while (older.tokens.empty()) ASSERT_TRUE(engine->step());
  engine->limit_prompt_rows(1);
  Scores scores;
  Text text;
  test::submit(*engine, scored(prompt, 4, scores), text);
  test::finish(*engine);
  EXPECT_GT(engine->scheduler().preemptions(), 0);
  Scores alone;
  test::run(*model.engine(), scored(prompt, 4, alone));
  expect_same(scores, alone);
}

TEST(PromptLogprobsOfAPrompt, WithOneTokenThereAreNone) {
  const test::TinyModel model("llama-dense");
  Scores scores;
  const Text text = test::run(*model.engine(), scored(model.prompt(1), 3, scores));
  EXPECT_TRUE(scores.empty());
  EXPECT_EQ(text.tokens.size(), 3u);
}

TEST(PromptLogprobsOfAPrompt, WithoutThemAPromptCanBeComputedForLater) {
  const test::TinyModel model("llama-dense");
  const auto engine = model.engine();
  const Text text = test::run(*engine, greedy(model.prompt(50), 0));
  EXPECT_EQ(text.reason, FinishReason::kLength);
  EXPECT_TRUE(text.tokens.empty());
  EXPECT_EQ(test::run(*engine, greedy(model.prompt(50), 3)).cached_tokens, 49);
}

TEST(PromptLogprobsOfAPrompt, AreRefusedWhereTokensSeeLaterOnes) {
  for (const char* const name : {"dream-dense", "t5-own"}) {
    const test::TinyModel model(name);
    const auto engine = model.engine();
    Scores scores;
    const Status status = engine->submit(scored(model.prompt(5), 3, scores));
    ASSERT_FALSE(status) << name;
    EXPECT_THAT(status.error().message, HasSubstr("no log probabilities of a prompt's tokens"));
  }
}

// Some count from the end of what comes.
TEST(PromptLogprobsOfAPrompt, AStopTokenIsToldOfWhereThatIsWanted) {
  const test::TinyModel model("llama-dense");
  const auto engine = model.engine();
  const Tokens text = test::run(*engine, greedy(model.prompt(9), 3)).tokens;
  for (const bool is_told : {false, true}) {
    GenerateRequest request = greedy(model.prompt(9), 3);
    request.stop_tokens = {text[0]};
    request.top_logprobs = 0;
    request.tells_stop_token = is_told;
    Tokens told;
    request.on_logprobs = [&](const TokenLogprobs& of) { told.push_back(of.chosen.token); };
    const Text ended = test::run(*engine, std::move(request));
    EXPECT_EQ(ended.reason, FinishReason::kStop);
    EXPECT_TRUE(ended.tokens.empty());
    EXPECT_EQ(told, is_told ? Tokens{text[0]} : Tokens());
  }
}

}  // namespace
}  // namespace linnet
