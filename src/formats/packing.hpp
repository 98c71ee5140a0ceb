#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

/// Bit layouts and rounding that several quantised types share.
namespace linnet::formats {

/// Low nibbles of `count` bytes to out[0, count), high nibbles to out[count, 2 * count), each plus
/// `offset`.
inline void split_nibbles(const std::uint8_t* bytes, int count, int offset, std::int8_t* out) {
  for (int i = 0; i < count; ++i) {
    out[i] = static_cast<std::int8_t>((bytes[i] & 0xf) + offset);
    out[i + count] = static_cast<std::int8_t>((bytes[i] >> 4) + offset);
  }
}

/// The inverse of split_nibbles for numbers 0 to 15.
inline void join_nibbles(const std::uint8_t* numbers, int count, std::uint8_t* bytes) {
  for (int i = 0; i < count; ++i) {
    bytes[i] = static_cast<std::uint8_t>(numbers[i] | numbers[i + count] << 4);
  }
}

/// The nearest integer in [low, high]; low for NaN.
inline int round_to_range(float value, int low, int high) {
  if (!(value > static_cast<float>(low))) return low;
  if (value >= static_cast<float>(high)) return high;
  return static_cast<int>(std::lrintf(value));
}

/// 1 / value, or 0 for 0: a group of zeros has scale 0 and any codes.
inline float inverse_or_zero(float value) { return value == 0.0f ? 0.0f : 1.0f / value; }

/// The value of the largest magnitude, with its sign.
inline float extreme(const float* values, int count) {
  float result = 0.0f;
  for (int i = 0; i < count; ++i) {
    if (std::fabs(values[i]) > std::fabs(result)) result = values[i];
  }
  return result;
}

struct Range {
  float low;
  float high;
};

inline Range range_of(const float* values, int count) {
  const auto [low, high] = std::minmax_element(values, values + count);
  return {*low, *high};
}

}  // namespace linnet::formats
