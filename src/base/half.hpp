#pragma once

#include <bit>
#include <cstdint>

namespace linnet {

/// IEEE 754 binary16 to binary32, exact (subnormals, infinities and NaNs included).
inline float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = std::uint32_t{half & 0x8000u} << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1f;
  const std::uint32_t mantissa = half & 0x3ff;
  if (exponent == 0) {  // zero or subnormal: mantissa * 2^-24 is exact in binary32
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | sign);
  }
  const std::uint32_t rebased = exponent == 0x1f ? 0xffu : exponent + (127 - 15);
  return std::bit_cast<float>(sign | rebased << 23 | mantissa << 13);
}

/// binary32 to the nearest binary16, ties to even.
inline std::uint16_t float_to_half(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return sign | 0x7e00u;              // NaN
  if (magnitude >= 0x477ff000u) return sign | 0x7c00u;             // rounds to infinity
  if (magnitude < 0x38800000u) {                                   // subnormal or zero
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;  // ulp is now 2^-24
    return sign | static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(shifted) - 0x3f000000u);
  }
  const std::uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1);
  return sign | static_cast<std::uint16_t>((rounded - 0x38000000u) >> 13);
}

/// bfloat16 is the upper half of a binary32.
inline float bfloat16_to_float(std::uint16_t value) {
  return std::bit_cast<float>(std::uint32_t{value} << 16);
}

/// binary32 to the nearest bfloat16, ties to even; NaNs stay NaNs.
inline std::uint16_t float_to_bfloat16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>(bits >> 16 | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1)) >> 16);
}

/// The 8-bit float E4M3 (https://arxiv.org/abs/2209.05433): no infinities, 0x7f and 0xff are NaN.
inline float e4m3_to_float(std::uint8_t value) {
  const std::uint32_t sign = std::uint32_t{value & 0x80u} << 24;
  const std::uint32_t magnitude = value & 0x7fu;
  if (magnitude == 0x7f) return std::bit_cast<float>(sign | 0x7fc00000u);
  // Its bits are those of a binary32 whose exponent is 120 smaller.
  const float scaled = std::bit_cast<float>(magnitude << 20) * 0x1p120f;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(scaled) | sign);
}

/// binary32 to the nearest E4M3, ties to even; what is larger becomes +-448, NaNs stay NaNs.
inline std::uint8_t float_to_e4m3(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint8_t>(bits >> 24 & 0x80u);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return sign | 0x7fu;
  if (magnitude >= 0x43e80000u) return sign | 0x7eu;                  // from 464 on
  if (magnitude < 0x3c800000u) {                                      // subnormal or zero
    const float shifted = std::bit_cast<float>(magnitude) + 0x1p14f;  // ulp is now 2^-9
    return sign | static_cast<std::uint8_t>(std::bit_cast<std::uint32_t>(shifted) - 0x46800000u);
  }
  const std::uint32_t rounded = magnitude + 0x7ffffu + ((magnitude >> 20) & 1);
  return sign | static_cast<std::uint8_t>((rounded - 0x3c000000u) >> 20);
}

}  // namespace linnet
