// Chains that are given of a row only what they need draw what they draw from the whole row.

#include "generate/step/step_logits.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace linnet {
namespace {

constexpr std::int64_t kVocabulary = 3000;
constexpr float kNever = -std::numeric_limits<float>::infinity();

// Many are equal, and some are no candidates.
std::vector<float> random_logits(std::mt19937& generator, float mean, float spread) {
  std::normal_distribution<float> normal(mean, spread);
  std::vector<float> logits(kVocabulary);
  for (float& logit : logits) logit = std::round(normal(generator) * 8.0f) / 8.0f;
  for (const std::size_t id : {7u, 400u, 2999u}) logits[id] = kNever;
  logits[8] = std::numeric_limits<float>::quiet_NaN();
  logits[9] = -0.0f;
  return logits;
}

class StepLogitsTest : public testing::Test {
 protected:
  // The text of a chain over random rows. With `backend` the chain gets what StepLogits reads by
  // it.
  std::vector<std::int32_t> text(const SamplingParams& params, Backend* backend, float spread) {
    SamplerChain chain(params);
    std::mt19937 generator(3);
    std::vector<std::int32_t> tokens = {5, 6, 5, 6, 5}, drawn;
    for (std::int64_t i = 0; i < 40; ++i) {
      const std::vector<float> other = random_logits(generator, offset_, spread);
      std::vector<float> logits = random_logits(generator, offset_, spread);
      const DrawContext context{tokens, i};
      std::optional<std::int32_t> token;
      if (backend) {
        StepLogits step(*backend);
        step.add_row({});  // another sequence's
        step.add_row(chain.needs(context));
        are_whole_ += chain.needs(context).all ? 1 : 0;
        std::vector<float> rows(other);
        rows.insert(rows.end(), logits.begin(), logits.end());
        step.read({rows.data(), 2, kVocabulary, kVocabulary});
        token = chain.draw(step.row(1), context);
      } else {
        token = chain.draw(logits, context);
      }
      if (!token) break;
      tokens.push_back(*token);
      drawn.push_back(*token);
    }
    return drawn;
  }

  // `are_picked`: whether the chain needs less than whole rows.
  void expect_same_text(const SamplingParams& params, bool are_picked, float spread = 2.0f) {
    const auto backend = make_reference_backend();
    are_whole_ = 0;
    const auto want = text(params, nullptr, spread);
    EXPECT_EQ(text(params, backend.get(), spread), want);
    EXPECT_EQ(are_whole_, are_picked ? 0 : std::ssize(want));
    EXPECT_FALSE(want.empty());
  }

  std::int64_t are_whole_ = 0;
  float offset_ = 0.0f;  // of all logits
};

SamplingParams warm() {
  SamplingParams params;
  params.temperature = 0.9f;
  params.seed = 11;
  return params;
}

TEST_F(StepLogitsTest, Greedy) { expect_same_text({}, true); }

TEST_F(StepLogitsTest, WhatChangesLogits) {
  SamplingParams params;
  params.repeat_penalty = 1.3f;
  params.presence_penalty = 0.5f;
  params.dry_multiplier = 2.0f;
  params.logit_bias = {{30, 4.0f}, {31, -2.0f}, {-1, 1.0f}, {1 << 20, 1.0f}};
  params.banned_tokens = {40, 41, 40};
  params.min_tokens = 10;
  params.end_tokens = {42, 30};
  expect_same_text(params, true);
  params.temperature = 0.8f;
  params.top_k = 20;
  expect_same_text(params, true);
}

TEST_F(StepLogitsTest, WhatCutsFirst) {
  SamplingParams params = warm();
  params.top_k = 40;
  expect_same_text(params, true);
  params.top_p = 0.8f;
  params.min_p = 0.1f;
  params.xtc_probability = 0.5f;
  expect_same_text(params, true);
  params = warm();
  params.min_p = 0.1f;
  expect_same_text(params, true, 8.0f);
  params.dynamic_range = 0.5f;
  expect_same_text(params, true, 8.0f);
}

TEST_F(StepLogitsTest, MoreThanArePickedAreReadAsAWholeRow) {
  SamplingParams params = warm();
  params.min_p = 0.01f;
  params.repeat_penalty = 1.5f;
  expect_same_text(params, true, 0.5f);
}

TEST_F(StepLogitsTest, CoarseLogitsAreReadAsAWholeRow) {
  SamplingParams params = warm();
  params.min_p = 0.1f;
  params.temperature = 3.0f;
  for (const float offset : {5e3f, 1e6f, 1e7f}) {
    offset_ = offset;
    expect_same_text(params, true, 4.0f);
  }
}

TEST_F(StepLogitsTest, ChainsThatNeedAll) {
  SamplingParams params = warm();
  expect_same_text(params, false);
  params.top_p = 0.9f;
  expect_same_text(params, false);
  params.top_k = 1000;
  expect_same_text(params, false);
  params = warm();
  params.mirostat = 2;
  expect_same_text(params, false);
}

// Rows behind guesses are picked by what is needed before them.
TEST_F(StepLogitsTest, OnlyWhatWasSaidMakesNeedsDependOnTheText) {
  const std::vector<std::int32_t> tokens = {5, 6, 5};
  const auto depends = [&](const SamplingParams& params) {
    return SamplerChain(params).needs({tokens, 0}).depends_on_text;
  };
  SamplingParams params;
  params.logit_bias = {{30, 4.0f}};
  params.banned_tokens = {40};
  params.min_tokens = 10;
  params.end_tokens = {42};
  EXPECT_FALSE(depends(params));
  params.dry_multiplier = 2.0f;
  EXPECT_TRUE(depends(params));
  params.dry_multiplier = 0.0f;
  params.presence_penalty = 0.5f;
  EXPECT_TRUE(depends(params));
}

TEST_F(StepLogitsTest, RowsOfACpuComeWhole) {
  const auto backend = make_cpu_backend(1);
  EXPECT_FALSE(StepLogits(*backend).picks());
  const auto want = text({}, nullptr, 2.0f);
  EXPECT_EQ(text({}, backend.get(), 2.0f), want);
}

}  // namespace
}  // namespace linnet
