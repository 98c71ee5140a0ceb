// Adaptive-p, against its definition.

#include <gmock/gmock.h>

#include <cmath>

#include "generate/sampling/chains.hpp"

namespace linnet {
namespace {

using namespace test;

TEST(SamplerChain, AdaptivePPrefersTokensNearTheTarget) {
  const auto logits = test_logits();
  SamplingParams params = at_temperature(0.8f);
  params.adaptive_target = 0.1f;
  std::vector<float> changed;
  for (const double p : softmax(logits, 0.8)) {
    const double d = std::abs(p - 0.1) / 0.3;
    changed.push_back(static_cast<float>(5.0 - 10.0 * d * d / (1.0 + d)));
  }
  std::vector<int> counts(logits.size());
  for (params.seed = 0; params.seed < 20'000; ++params.seed) {
    SamplerChain chain(params);  // which has drawn nothing
    ++counts[*draw_once(chain, logits)];
  }
  test::expect_counts(counts, softmax(changed));
}

// Its mean starts as if the target had always been drawn; a certain token moves the target to 0.
TEST(SamplerChain, AdaptivePMovesItsTarget) {
  SamplingParams params = at_temperature(1.0f);
  params.adaptive_target = 0.5f;
  params.adaptive_decay = 0.0f;
  const std::vector<float> certain = {std::log(0.9f), std::log(0.1f)};
  int unlikely = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    params.seed = seed;
    SamplerChain chain(params);
    ASSERT_EQ(draw_once(chain, {0.0f, kBanned}), 0);
    unlikely += draw_once(chain, certain, {0}, 1) == 1;
  }
  EXPECT_EQ(unlikely, 200);  // d is 3 and 1/3: logits of -17.5 and 4.2
}

}  // namespace
}  // namespace linnet
