#include "generate/sampler.hpp"

#include <algorithm>
#include <cmath>

namespace linnet {
namespace {

std::uint64_t splitmix64(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

std::int32_t greedy(std::span<const float> logits) {
  return static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

}  // namespace

double uniform(std::uint64_t seed, std::uint64_t counter) {
  return static_cast<double>(splitmix64(splitmix64(seed) ^ counter) >> 11) * 0x1p-53;
}

std::int32_t pick(std::span<const float> logits, const SamplingParams& params,
                  std::uint64_t counter) {
  const std::int32_t best = greedy(logits);
  if (params.temperature <= 0.0f) return best;
  const auto weight = [&](float logit) {
    return std::exp((double{logit} - logits[best]) / params.temperature);
  };
  double sum = 0.0;
  for (const float logit : logits) sum += weight(logit);
  double left = uniform(params.seed, counter) * sum;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    left -= weight(logits[i]);
    if (left < 0.0) return static_cast<std::int32_t>(i);
  }
  return best;  // rounding left a rest behind the last id
}

}  // namespace linnet
