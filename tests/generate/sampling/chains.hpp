#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "generate/sampling/distributions.hpp"
#include "generate/sampling/sampler_chain.hpp"
#include "generate/sampling/uniform.hpp"

namespace linnet::test {

inline constexpr int kDraws = 20000;

// Some logits of a plausible spread: neighbours differ, the likeliest are not in order.
inline std::vector<float> test_logits(int count = 12) {
  std::vector<float> logits;
  for (int i = 0; i < count; ++i) {
    logits.push_back(static_cast<float>(6.0 * uniform(99, static_cast<std::uint64_t>(i))));
  }
  return logits;
}

inline std::optional<std::int32_t> draw_once(SamplerChain& chain, std::vector<float> logits,
                                             const std::vector<std::int32_t>& tokens = {1},
                                             std::int64_t drawn = 0) {
  return chain.draw(logits, {tokens, drawn});
}

// Draws under `params` and holds the counts against `expected`.
inline void expect_distribution(const SamplingParams& params, const std::vector<float>& logits,
                                const std::vector<double>& expected,
                                const std::vector<std::int32_t>& tokens = {}) {
  SamplerChain chain(params);
  std::vector<int> counts(logits.size());
  for (int i = 0; i < kDraws; ++i) {
    const auto token = draw_once(chain, logits, tokens, i);
    ASSERT_TRUE(token);
    ++counts[*token];
  }
  expect_counts(counts, expected);
}

inline SamplingParams at_temperature(float temperature) {
  SamplingParams params;
  params.temperature = temperature;
  params.seed = 42;
  return params;
}

}  // namespace linnet::test
