#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

/// Bit layouts and rounding that several quantised types share.
namespace linnet::formats {

/// Low nibbles of `count` bytes to out[0, count), high nibbles to out[count, 2 * count).
inline void split_nibbles(const std::uint8_t* bytes, int count, std::uint8_t* out) {
  for (int i = 0; i < count; ++i) {
    out[i] = bytes[i] & 0xf;
    out[i + count] = bytes[i] >> 4;
  }
}

/// The inverse of split_nibbles for numbers 0 to 15.
inline void join_nibbles(const std::uint8_t* numbers, int count, std::uint8_t* bytes) {
  for (int i = 0; i < count; ++i) {
    bytes[i] = static_cast<std::uint8_t>(numbers[i] | numbers[i + count] << 4);
  }
}

/// 256 two-bit numbers from 64 bytes. The two halves are alike: in a half, value i is in pair i /
/// 32 of byte i % 32.
inline void split_pairs(const std::uint8_t* bytes, std::uint8_t* out) {
  for (int half = 0; half < 2; ++half, bytes += 32) {
    for (int shift = 0; shift < 8; shift += 2, out += 32) {
      for (int i = 0; i < 32; ++i) out[i] = bytes[i] >> shift & 3;
    }
  }
}

/// Puts the kBits wide numbers of 32 bytes above the lower bits of 32 * 8 / kBits numbers, `shift`
/// bits to the left: the lowest bits of all bytes first, as split_pairs.
template <int kBits>
void add_high_bits(const std::uint8_t* bytes, int shift, std::uint8_t* numbers) {
  for (int from = 0; from < 8; from += kBits, numbers += 32) {
    for (int i = 0; i < 32; ++i) {
      const int high = bytes[i] >> from & ((1 << kBits) - 1);
      numbers[i] = static_cast<std::uint8_t>(numbers[i] | high << shift);
    }
  }
}

/// The inverse of split_pairs for numbers 0 to 3; `bytes` must be zero before.
inline void join_pairs(const std::uint8_t* numbers, std::uint8_t* bytes) {
  for (int i = 0; i < 256; ++i) {
    bytes[i / 128 * 32 + i % 32] |= numbers[i] << (i % 128 / 32 * 2);
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

/// The index of the entry of `codebook` nearest to `value`; 0 for NaN.
inline std::uint8_t nearest_index(const std::array<std::int8_t, 16>& codebook, float value) {
  const auto distance = [&](int i) { return std::fabs(value - static_cast<float>(codebook[i])); };
  std::uint8_t best = 0;
  for (std::uint8_t i = 1; i < 16; ++i) {
    if (distance(i) < distance(best)) best = i;
  }
  return best;
}

}  // namespace linnet::formats
