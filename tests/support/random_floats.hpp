#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace linnet::test {

/// `count` normally distributed numbers, the same for the same seed.
inline std::vector<float> random_floats(std::int64_t count, std::uint32_t seed,
                                        float deviation = 1.0f) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0.0f, deviation);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = normal(generator);
  return values;
}

}  // namespace linnet::test
