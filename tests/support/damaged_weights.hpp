#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace linnet::test {

/// A float of 16 or 32 bits in 40 rows of 256 weights: a scale, a minimum or a weight.
struct FloatPlace {
  std::string_view format;
  std::size_t last_byte;
};
inline constexpr FloatPlace kFloatPlaces[] = {
    {"Q4_0", 18 * 7 + 1},   {"Q8_0", 34 * 319 + 1},  {"Q4_1", 20 * 5 + 3},
    {"Q4_K", 144 * 39 + 1}, {"Q4_K", 144 * 39 + 3},  {"Q6_K", 210 * 39 + 209},
    {"F16", 2 * 7000 + 1},  {"BF16", 2 * 10239 + 1}, {"F32", 4 * 10239 + 3}};

/// Makes a float infinite or no number.
inline void damage(std::vector<std::byte>& weights, std::size_t last_byte) {
  weights[last_byte] = std::byte{0x7f};
  weights[last_byte - 1] = std::byte{0x80};
}

}  // namespace linnet::test
