// The sampler for texts that fill a gap.

#include <gmock/gmock.h>

#include <cmath>
#include <string>

#include "generate/sampling/chains.hpp"

namespace linnet {
namespace {

using namespace test;

// Of tokens with these probabilities, of which 4 ends the text.
class InfillSampler : public testing::Test {
 protected:
  static std::vector<double> drawn(const std::vector<float>& probabilities) {
    static const std::vector<std::string> kTexts = {"a", "ab", "b", "c", "", "d", "e", "f", "g"};
    SamplingParams params = at_temperature(1.0f);
    params.infill = InfillSampling{[](TokenId token) { return kTexts.at(token); }};
    params.end_tokens = {4};
    std::vector<double> counts(kTexts.size());
    for (int seed = 0; seed < 400; ++seed) {
      params.seed = seed;
      SamplerChain chain(params);
      std::vector<float> logits;
      for (const float p : probabilities) logits.push_back(std::log(p));
      counts[*draw_once(chain, logits, {}, 0)] += 1.0 / 400;
    }
    return counts;
  }
};

TEST_F(InfillSampler, EndsWhereAnEndIsNotMuchLessLikelyThanTheTexts) {
  EXPECT_NEAR(drawn({0.5f, 0.1f, 0.2f, 0.1f, 0.1f})[4], 1.0, 1e-9);  // 3 * 0.1 * 5 is above 0.9
  const auto counts = drawn({0.9f, 0.03f, 0.02f, 0.01f, 0.04f});
  EXPECT_LT(counts[4], 0.1f);
  EXPECT_GT(counts[0], 0.9f);
}

TEST_F(InfillSampler, KeepsWhatIsLikelyTogetherWithWhatItBegins) {
  // 0 and 1 have 0.38 together, 3 is below a fifth.
  const auto counts = drawn({0.2f, 0.18f, 0.45f, 0.169f, 0.001f});
  EXPECT_GT(counts[0], 0.2f);
  EXPECT_GT(counts[2], 0.5f);
  EXPECT_EQ(counts[1] + counts[3], 0.0);
}

TEST_F(InfillSampler, EndsWhereNoTextIsLikely) {
  EXPECT_NEAR(drawn({0.14f, 0.001f, 0.14f, 0.14f, 0.001f, 0.14f, 0.14f, 0.14f, 0.14f})[4], 1.0,
              1e-9);
}

TEST_F(InfillSampler, DoesNotEndWhatMayNotEnd) {
  // Ends have the probability 0, as grammars and biases leave them.
  const auto counts = drawn({0.16f, 0.001f, 0.14f, 0.14f, 0.0f, 0.14f, 0.14f, 0.14f, 0.139f});
  EXPECT_NEAR(counts[0], 1.0, 1e-9);
}

}  // namespace
}  // namespace linnet
