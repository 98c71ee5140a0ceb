#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

/// How large the floats of a tensor are, and whether all of them are finite, for those who pack
/// weights: integers made of what is not finite would look sound.
namespace linnet::formats {

inline constexpr std::int16_t kHalfInfinity = 0x7c00, kBfloat16Infinity = 0x7f80;
inline constexpr std::int32_t kFloatInfinity = 0x7f800000;

/// The largest of `count` floats as wide as Bits (any alignment), as its bits without the sign.
/// Their order is that of magnitudes, with infinity after all numbers and NaNs after infinity.
/// Signed, because all instruction sets choose the larger of such integers: this is vectorised.
template <class Bits>
Bits largest_magnitude(const std::byte* floats, std::int64_t count) {
  constexpr auto kMagnitude = static_cast<Bits>(~(Bits{1} << (8 * sizeof(Bits) - 1)));
  Bits largest = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    Bits bits;
    std::memcpy(&bits, floats + i * static_cast<std::int64_t>(sizeof bits), sizeof bits);
    largest = std::max(largest, static_cast<Bits>(bits & kMagnitude));
  }
  return largest;
}

inline std::int32_t largest_magnitude(std::span<const float> values) {
  return largest_magnitude<std::int32_t>(std::as_bytes(values).data(), std::ssize(values));
}

inline bool are_finite(std::span<const float> values) {
  return largest_magnitude(values) < kFloatInfinity;
}

/// The error for weights that are not all finite.
inline constexpr std::string_view kNotFinite = "some weights are not finite: the file is damaged";

}  // namespace linnet::formats
