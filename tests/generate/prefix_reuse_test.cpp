// A text is the same whether its beginning was found in the cache or computed, alone or in company,
// for a model of each kind of mixer that keeps something of a sequence.

#include <gtest/gtest.h>

#include "support/test_name.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

using test::finish;
using test::greedy;
using test::run;
using test::submit;
using test::Text;

constexpr std::int64_t kNewTokens = 40;

class PrefixReuseTest : public testing::TestWithParam<const char*> {
 protected:
  GenerateRequest request(std::vector<std::int32_t> prompt) const {
    return greedy(std::move(prompt), kNewTokens);
  }
  const test::TinyModel model_{GetParam()};
};

TEST_P(PrefixReuseTest, ARepeatedPromptIsNotComputedAgainAndGivesTheSameText) {
  const auto engine = model_.engine();
  const Text cold = run(*engine, request(model_.prompt(200)));
  EXPECT_EQ(cold.cached_tokens, 0);
  Text warm;
  submit(*engine, request(model_.prompt(200)), warm);
  EXPECT_EQ(finish(*engine), kNewTokens) << "all but the last token of the prompt is known";
  EXPECT_EQ(warm.cached_tokens, 199);
  EXPECT_EQ(warm.tokens, cold.tokens);
}

TEST_P(PrefixReuseTest, AConversationGoesOnWhereTheTextEnded) {
  const auto engine = model_.engine();
  const Text answer = run(*engine, request(model_.prompt(50)));
  std::vector<std::int32_t> next = model_.prompt(50);
  next.insert(next.end(), answer.tokens.begin(), answer.tokens.end());
  next.push_back(3);
  const Text second = run(*engine, request(next));
  EXPECT_EQ(second.cached_tokens, 89) << "all but the last token of the text was computed";
  EXPECT_EQ(second.tokens, run(*model_.engine(), request(next)).tokens);
}

TEST_P(PrefixReuseTest, PromptsThatPartWithinAPageShareWhatIsBefore) {
  const auto engine = model_.engine();
  auto first = model_.prompt(150), second = first, third = first;
  for (std::size_t i = 75; i < 150; ++i) second[i] = (first[i] + 1) % model_.vocabulary();
  for (std::size_t i = 80; i < 150; ++i) third[i] = (first[i] + 2) % model_.vocabulary();
  run(*engine, request(first));
  const bool has_states = engine->model().state_shape(1).layer_floats !=
                          std::vector<std::int64_t>(engine->model().spec().layers.size());
  const Text branch = run(*engine, request(second));
  EXPECT_EQ(branch.cached_tokens, has_states ? 0 : 75) << "there is a checkpoint at 64 from now on";
  const Text other = run(*engine, request(third));
  EXPECT_EQ(other.cached_tokens, has_states ? 64 : 80);
  EXPECT_EQ(branch.tokens, run(*model_.engine(), request(second)).tokens);
  EXPECT_EQ(other.tokens, run(*model_.engine(), request(third)).tokens);
}

TEST_P(PrefixReuseTest, AnswersToOnePromptShareItWhileTheyRun) {
  const auto engine = model_.engine();
  std::vector<Text> texts(4);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    GenerateRequest wanted = request(model_.prompt(100));
    wanted.sampling.temperature = 1.0f;
    wanted.sampling.seed = i;
    submit(*engine, std::move(wanted), texts[i]);
  }
  finish(*engine);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(texts[i].cached_tokens, i == 0 ? 0 : 99);
    GenerateRequest alone = request(model_.prompt(100));
    alone.sampling.temperature = 1.0f;
    alone.sampling.seed = i;
    EXPECT_EQ(texts[i].tokens, run(*model_.engine(), std::move(alone)).tokens) << i;
  }
}

TEST_P(PrefixReuseTest, CompanyChangesNothing) {
  const Text alone = run(*model_.engine(), request(model_.prompt(70, 1)));
  const auto busy = model_.engine();
  std::vector<Text> texts(5);
  for (int i = 0; i < 5; ++i) {
    submit(*busy, request(model_.prompt(i == 2 ? 70 : 31 + 20 * i, i == 2 ? 1 : i)), texts[i]);
  }
  finish(*busy);
  EXPECT_EQ(texts[2].tokens, alone.tokens);
}

TEST_P(PrefixReuseTest, ALimitOfPromptRowsHoldsBesideTextsAndChangesNoText) {
  const Text alone = run(*model_.engine(), request(model_.prompt(70, 1)));
  const auto paced = model_.engine();
  Text running, late;
  submit(*paced, request(model_.prompt(20)), running);
  while (running.tokens.empty()) ASSERT_TRUE(paced->step());
  paced->limit_prompt_rows(8);
  submit(*paced, request(model_.prompt(70, 1)), late);
  int steps = 0;
  for (; late.tokens.empty(); ++steps) {
    ASSERT_TRUE(paced->step());
    EXPECT_LE(paced->scheduler().last_step().prompt_rows, 8);
    EXPECT_GE(paced->scheduler().last_step().texts, 1);
  }
  EXPECT_GE(steps, 70 / 8);
  finish(*paced);
  EXPECT_EQ(late.tokens, alone.tokens);
}

TEST_P(PrefixReuseTest, TextsThatGiveTheirMemoryAwayAreTheSame) {
  std::vector<Text> alone(3), texts(3);
  // Each has room, all together have not.
  const auto engine = model_.engine(test::TinyModel::options(), 5 * kPageTokens);
  for (int i = 0; i < 3; ++i) {
    alone[i] = run(*model_.engine(), request(model_.prompt(40 + i, i)));
    submit(*engine, request(model_.prompt(40 + i, i)), texts[i]);
  }
  finish(*engine);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(texts[i].tokens, alone[i].tokens) << i;
}

INSTANTIATE_TEST_SUITE_P(Mixers, PrefixReuseTest, test::kMixerCases, test::test_name<const char*>);

}  // namespace
}  // namespace linnet
