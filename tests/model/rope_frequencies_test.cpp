// The angles of a position against the formulas of the papers, and the metadata that choose them.

#include "model/rope_frequencies.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "support/tensor_file.hpp"

namespace linnet {
namespace {

using gguf::ValueType;

constexpr double kBase = 10000.0;
constexpr int kDims = 64;
constexpr int kPairs = kDims / 2;
constexpr double kContext = 2048.0;

// https://arxiv.org/abs/2104.09864, section 3.2.2.
double frequency(int pair, double base = kBase) { return std::pow(base, -2.0 * pair / kDims); }

double wavelength(int pair) { return 2.0 * std::numbers::pi / frequency(pair); }

RopeScaling scaling_of(RopeScaling::Kind kind, float factor) {
  RopeScaling scaling;
  scaling.kind = kind;
  scaling.factor = factor;
  scaling.original_context = static_cast<std::int64_t>(kContext);
  return scaling;
}

RopeSpec make(const RopeScaling& scaling, std::span<const float> factors = {},
              double base = kBase) {
  RopeSpec rope;
  rope.dims = kDims;
  set_rope_frequencies(rope, static_cast<float>(base), scaling, factors);
  EXPECT_EQ(std::ssize(rope.inverse_frequencies), kPairs);
  return rope;
}

void expect_frequency(const RopeSpec& rope, int pair, double want) {
  EXPECT_NEAR(rope.inverse_frequencies[pair] / want, 1.0, 1e-6) << "pair " << pair;
}

TEST(RopeFrequenciesTest, WithoutScalingTheyAreThePaperOnes) {
  const RopeSpec rope = make({});
  for (int i = 0; i < kPairs; ++i) expect_frequency(rope, i, frequency(i));
  EXPECT_EQ(rope.magnitude, 1.0f);
}

// https://arxiv.org/abs/2306.15595, formula 4: positions are divided by the factor.
TEST(RopeFrequenciesTest, LinearDividesPositions) {
  const RopeSpec rope = make(scaling_of(RopeScaling::Kind::kLinear, 4.0f));
  for (int i = 0; i < kPairs; ++i) expect_frequency(rope, i, frequency(i) / 4.0);
  EXPECT_EQ(rope.magnitude, 1.0f);
}

// https://arxiv.org/abs/2309.00071, definition 1: files have the base b s^(D / (D - 2)), with which
// the first pair turns as before and the last one as if positions were divided by s.
TEST(RopeFrequenciesTest, AwareOfTheKernelIsALargerBase) {
  const double factor = 8.0;
  const double base = kBase * std::pow(factor, kDims / (kDims - 2.0));
  const RopeSpec rope = make({}, {}, base);
  expect_frequency(rope, 0, frequency(0));
  expect_frequency(rope, kPairs - 1, frequency(kPairs - 1) / factor);
}

// https://arxiv.org/abs/2309.00071, section 3.2: pairs that turn often within the original context
// stay, those that never turn are interpolated.
TEST(RopeFrequenciesTest, YarnKeepsFastPairsAndInterpolatesSlowOnes) {
  const double factor = 16.0, fast = 32.0, slow = 1.0;
  const RopeSpec rope = make(scaling_of(RopeScaling::Kind::kYarn, 16.0f));
  int kept = 0, interpolated = 0;
  for (int i = 0; i < kPairs; ++i) {
    // Turns within the original context; the ramp is between whole pairs, so one more on each side.
    const auto turns = [](int pair) { return kContext / wavelength(pair); };
    if (turns(i + 1) > fast) {
      expect_frequency(rope, i, frequency(i));
      ++kept;
    } else if (i > 0 && turns(i - 1) < slow) {
      expect_frequency(rope, i, frequency(i) / factor);
      ++interpolated;
    } else {
      EXPECT_LE(rope.inverse_frequencies[i], frequency(i) * (1 + 1e-6));
      EXPECT_GE(rope.inverse_frequencies[i], frequency(i) / factor * (1 - 1e-6));
    }
  }
  EXPECT_GT(kept, 5);
  EXPECT_GT(interpolated, 5);
}

// Between them a straight line by the number of the pair, as the paper's code has it
// (https://github.com/jquesnelle/yarn): with this base and context the pairs 8.06 and 20.10 turn 32
// times and once, which widen to 8 and 21.
TEST(RopeFrequenciesTest, YarnGoesStraightInBetween) {
  const double factor = 16.0;
  const double at_fast =
      kDims * std::log(kContext / (32.0 * 2.0 * std::numbers::pi)) / (2.0 * std::log(kBase));
  const double at_slow =
      kDims * std::log(kContext / (2.0 * std::numbers::pi)) / (2.0 * std::log(kBase));
  ASSERT_EQ(std::floor(at_fast), 8.0);
  ASSERT_EQ(std::ceil(at_slow), 21.0);
  const RopeSpec rope = make(scaling_of(RopeScaling::Kind::kYarn, 16.0f));
  for (int i = 8; i <= 21; ++i) {
    const double slow_share = (i - 8.0) / (21.0 - 8.0);
    expect_frequency(rope, i,
                     frequency(i) / factor * slow_share + frequency(i) * (1.0 - slow_share));
  }
}

TEST(RopeFrequenciesTest, YarnMixesAsManyUnscaledAnglesAsTheFileSays) {
  RopeScaling scaling = scaling_of(RopeScaling::Kind::kYarn, 16.0f);
  scaling.extrapolation = 0.25f;
  expect_frequency(make(scaling), 0, frequency(0) / 16.0 * 0.75 + frequency(0) * 0.25);
  scaling.extrapolation = 0.0f;  // all is interpolated, and nothing made up for
  const RopeSpec rope = make(scaling);
  for (int i = 0; i < kPairs; ++i) expect_frequency(rope, i, frequency(i) / 16.0);
  EXPECT_EQ(rope.magnitude, 1.0f);
}

// https://arxiv.org/abs/2309.00071, formula 22: sqrt(1 / t) = 0.1 ln(s) + 1.
TEST(RopeFrequenciesTest, YarnMagnifiesTurnedColumns) {
  RopeScaling scaling = scaling_of(RopeScaling::Kind::kYarn, 16.0f);
  EXPECT_NEAR(make(scaling).magnitude, 0.1 * std::log(16.0) + 1.0, 1e-6);
  scaling.attention_factor = 0.5f;
  EXPECT_NEAR(make(scaling).magnitude, 0.5 * (0.1 * std::log(16.0) + 1.0), 1e-6);
  scaling.factor = 0.5f;  // no longer context, no magnitude
  EXPECT_EQ(make(scaling).magnitude, 0.5f);
}

// DeepSeek's mscale_all_dim (https://huggingface.co/deepseek-ai/DeepSeek-V2,
// modeling_deepseek.py): the columns that turn lose what the scores of all columns gain.
TEST(RopeFrequenciesTest, DeepSeekMovesTheMagnitudeToTheScores) {
  RopeScaling scaling = scaling_of(RopeScaling::Kind::kYarn, 40.0f);
  constexpr std::int64_t kWidth = 192;
  EXPECT_NEAR(latent_score_scale(scaling, kWidth), 1.0 / std::sqrt(192.0), 1e-7);
  scaling.log_multiplier = 0.707f;
  const double magnitude = 0.1 * 0.707 * std::log(40.0) + 1.0;
  EXPECT_NEAR(latent_score_scale(scaling, kWidth), magnitude * magnitude / std::sqrt(192.0), 1e-7);
  EXPECT_NEAR(make(scaling).magnitude, (0.1 * std::log(40.0) + 1.0) / magnitude, 1e-6);
  scaling.multiplier = 0.707f;  // mscale, alike in all models
  EXPECT_NEAR(make(scaling).magnitude, 1.0, 1e-6);
  scaling.kind = RopeScaling::Kind::kLinear;
  EXPECT_NEAR(latent_score_scale(scaling, kWidth), 1.0 / std::sqrt(192.0), 1e-7);
}

// Llama 3.1 (https://huggingface.co/meta-llama/Llama-3.1-8B, rope_type "llama3"): by the
// wavelength. The file has what each frequency is divided by.
TEST(RopeFrequenciesTest, LlamaThreeDividesByFactorsOfTheFile) {
  const double factor = 8.0, low = 1.0, high = 4.0;
  std::vector<double> want;
  std::vector<float> factors;
  for (int i = 0; i < kPairs; ++i) {
    const double smooth = (kContext / wavelength(i) - low) / (high - low);
    const double share = std::min(1.0, std::max(0.0, smooth));
    want.push_back((1.0 - share) * frequency(i) / factor + share * frequency(i));
    factors.push_back(static_cast<float>(frequency(i) / want.back()));
  }
  ASSERT_EQ(factors.front(), 1.0f);
  ASSERT_NEAR(factors.back(), 8.0f, 1e-5);
  const RopeSpec rope = make({}, factors);
  for (int i = 0; i < kPairs; ++i) expect_frequency(rope, i, want[i]);
}

// https://arxiv.org/abs/2402.13753, formula 3 and section 3.4: each pair has a factor of its own,
// and the magnitude sqrt(1 + ln(s) / ln(L)) stands in the file.
TEST(RopeFrequenciesTest, LongRopeDividesByFactorsAndMagnifies) {
  std::vector<float> factors;
  for (int i = 0; i < kPairs; ++i) factors.push_back(1.0f + 0.75f * static_cast<float>(i));
  RopeScaling scaling = scaling_of(RopeScaling::Kind::kNone, 32.0f);
  scaling.attention_factor =
      static_cast<float>(std::sqrt(1.0 + std::log(32.0) / std::log(kContext)));
  const RopeSpec rope = make(scaling, factors);
  for (int i = 0; i < kPairs; ++i) expect_frequency(rope, i, frequency(i) / (1.0 + 0.75 * i));
  EXPECT_NEAR(rope.magnitude, std::sqrt(1.0 + 5.0 / 11.0), 1e-6);  // 2^5 times 2^11 tokens
}

class RopeScalingTest : public testing::Test {
 protected:
  void SetUp() override { file_.metadata().add_string("general.architecture", "llama"); }

  void number(const char* key, double value) {
    file_.metadata().add_number(std::string("llama.") + key, ValueType::kFloat32, value);
  }
  void count(const char* key, std::int64_t value) {
    file_.metadata().add_integer(std::string("llama.") + key, ValueType::kUint32, value);
  }
  void kind(const char* name) { file_.metadata().add_string("llama.rope.scaling.type", name); }
  RopeScaling read() {
    Hyperparameters p(file_.file());
    const RopeScaling scaling = read_rope_scaling(p);
    EXPECT_TRUE(p.status()) << p.status().error().message;
    return scaling;
  }

  test::TensorFile file_;
};

TEST_F(RopeScalingTest, YarnWithAllItsKeys) {
  kind("yarn");
  number("rope.scaling.factor", 40.0);
  count("rope.scaling.original_context_length", 4096);
  count("context_length", 163840);
  number("rope.scaling.yarn_ext_factor", 0.5);
  number("rope.scaling.attn_factor", 1.25);
  number("rope.scaling.yarn_log_multiplier", 0.1);
  number("rope.scaling.yarn_beta_fast", 16.0);
  number("rope.scaling.yarn_beta_slow", 2.0);
  const RopeScaling scaling = read();
  EXPECT_EQ(scaling.kind, RopeScaling::Kind::kYarn);
  EXPECT_EQ(scaling.factor, 40.0f);
  EXPECT_EQ(scaling.original_context, 4096);
  EXPECT_EQ(scaling.extrapolation, 0.5f);
  EXPECT_EQ(scaling.attention_factor, 1.25f);
  EXPECT_EQ(scaling.log_multiplier, 0.1f);
  EXPECT_EQ(scaling.beta_fast, 16.0f);
  EXPECT_EQ(scaling.beta_slow, 2.0f);
}

TEST_F(RopeScalingTest, AFileThatSaysNothingHasNone) {
  count("context_length", 2048);
  const RopeScaling scaling = read();
  EXPECT_EQ(scaling.kind, RopeScaling::Kind::kNone);
  EXPECT_EQ(scaling.factor, 1.0f);
  EXPECT_EQ(scaling.original_context, 2048);
  EXPECT_EQ(scaling.extrapolation, 1.0f);
  EXPECT_EQ(scaling.beta_fast, 32.0f);
  EXPECT_EQ(scaling.beta_slow, 1.0f);
}

TEST_F(RopeScalingTest, OldFilesHaveALinearFactorOfAnotherName) {
  number("rope.scale_linear", 2.0);
  const RopeScaling scaling = read();
  EXPECT_EQ(scaling.kind, RopeScaling::Kind::kLinear);
  EXPECT_EQ(scaling.factor, 2.0f);
}

TEST_F(RopeScalingTest, WhatIsNotScaledHasNoFactor) {
  kind("none");
  number("rope.scaling.factor", 2.0);
  EXPECT_EQ(read().kind, RopeScaling::Kind::kNone);
}

TEST_F(RopeScalingTest, LongRopeHasItsFactorsAsATensor) {
  kind("longrope");
  number("rope.scaling.factor", 32.0);
  EXPECT_EQ(read().kind, RopeScaling::Kind::kNone);
}

TEST_F(RopeScalingTest, AnotherKindIsRefused) {
  kind("dynamic");
  Hyperparameters p(file_.file());
  read_rope_scaling(p);
  const Status status = p.status();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message,
            file_.path().string() +
                ": metadata key llama.rope.scaling.type is 'dynamic', expected none, linear, yarn "
                "or longrope");
}

}  // namespace
}  // namespace linnet
