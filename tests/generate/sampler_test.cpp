#include "generate/sampler.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace linnet {
namespace {

TEST(SamplerTest, GreedyTakesTheLowestIdOnTies) {
  const std::vector<float> logits = {1.0f, 3.0f, 3.0f, 2.0f};
  EXPECT_EQ(pick(logits, {0.0f, 7}, 0), 1);
}

TEST(SamplerTest, TheSameSeedAndCounterGiveTheSameNumber) {
  EXPECT_EQ(uniform(1, 2), uniform(1, 2));
  EXPECT_NE(uniform(1, 2), uniform(1, 3));
  EXPECT_NE(uniform(1, 2), uniform(2, 2));
  // Fixed for good: a text must come out the same on every machine and in every version.
  EXPECT_DOUBLE_EQ(uniform(0, 0), 0.65244848637403219);
}

TEST(SamplerTest, DrawsFromTheSoftmax) {
  const std::vector<float> logits = {0.0f, 1.0f, -1.0f, 2.0f};
  const float temperature = 0.7f;
  double sum = 0.0;
  for (const float logit : logits) sum += std::exp(logit / temperature);
  constexpr int kDraws = 40000;
  std::vector<int> counts(logits.size());
  for (int i = 0; i < kDraws; ++i) ++counts[pick(logits, {temperature, 42}, i)];
  double chi_square = 0.0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const double expected = kDraws * std::exp(logits[i] / temperature) / sum;
    chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  EXPECT_LT(chi_square, 16.27);  // 3 degrees of freedom, p = 0.001
}

}  // namespace
}  // namespace linnet
