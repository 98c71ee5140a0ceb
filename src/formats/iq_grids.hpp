#pragma once

#include <array>
#include <cstdint>

/// What the IQ1, IQ2 and IQ3 types share: runs of four or eight values are one of a limited number
/// of patterns (tables/*_grid.hpp), with signs stored beside them.
namespace linnet::formats {

/// The values of IQ2_XXS, IQ2_XS and IQ2_S.
inline constexpr std::array<std::int8_t, 16> kIq2Codebook = {-43, -25, -8, 8, 25, 43};

/// Eight stored codes from the magnitudes of a pattern of an IQ2 grid; bit i of `signs` makes value
/// i negative.
inline void expand_iq2(std::uint16_t pattern, std::uint8_t signs, std::uint8_t* stored) {
  for (int i = 0; i < 8; ++i) {
    const int magnitude = pattern >> (2 * i) & 3;
    stored[i] = static_cast<std::uint8_t>(signs >> i & 1 ? 2 - magnitude : 3 + magnitude);
  }
}

/// Four stored codes from the magnitudes of a pattern of an IQ3 grid, which are the upper half of
/// the codebook; bit i of `signs` makes value i negative.
inline void expand_iq3(std::uint16_t pattern, int signs, std::uint8_t* stored) {
  for (int i = 0; i < 4; ++i) {
    const int magnitude = pattern >> (3 * i) & 7;
    stored[i] = static_cast<std::uint8_t>(signs >> i & 1 ? 7 - magnitude : 8 + magnitude);
  }
}

/// The eight signs that seven bits stand for: the eighth makes the number of minuses even.
inline std::uint8_t even_signs(std::uint32_t seven_bits) {
  std::uint32_t parity = seven_bits ^ seven_bits >> 4;
  parity ^= parity >> 2;
  parity ^= parity >> 1;
  return static_cast<std::uint8_t>(seven_bits | (parity & 1) << 7);
}

/// The values of IQ1_S and IQ1_M: eight times -1, 0 or 1, plus or minus 1.
inline constexpr std::array<std::int8_t, 16> kIq1Codebook = {-9, -7, -1, 1, 7, 9};

/// Eight stored codes from a pattern of the IQ1 grid.
inline void expand_iq1(std::uint16_t pattern, bool shift_down, std::uint8_t* stored) {
  for (int i = 0; i < 8; ++i) {
    const int ternary = pattern >> (2 * i) & 3;
    stored[i] = static_cast<std::uint8_t>(2 * ternary + (shift_down ? 0 : 1));
  }
}

}  // namespace linnet::formats
