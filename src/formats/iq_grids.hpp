#pragma once

#include <array>
#include <cstdint>

#include "formats/block_format.hpp"

/// What the IQ1, IQ2 and IQ3 types share: runs of four or eight values are one of a limited number
/// of patterns (tables/*_grid.hpp), with signs stored beside them.
namespace linnet::formats {

/// The values of IQ2_XXS, IQ2_XS and IQ2_S.
inline constexpr std::array<std::int8_t, 16> kIq2Codebook = {-43, -25, -8, 8, 25, 43};

/// Spreads fields of kBits bits: field i becomes byte i.
template <int kBits>
constexpr std::uint64_t spread(std::uint64_t fields) {
  for (int together = 4; together > 0; together /= 2) {
    const std::uint64_t ones = ~std::uint64_t{0} / ((std::uint64_t{1} << 8 * together) - 1);
    const std::uint64_t mask = ((std::uint64_t{1} << kBits * together) - 1) * ones;
    fields = (fields | fields << (8 - kBits) * together) & mask;
  }
  return fields;
}

inline constexpr std::uint64_t kOneEach = 0x0101010101010101;  // in every byte

/// The first kCount bytes of `word`, from the lowest on, to `stored`.
template <int kCount>
void put_bytes(std::uint64_t word, std::uint8_t* stored) {
  for (int i = 0; i < kCount; ++i) stored[i] = static_cast<std::uint8_t>(word >> 8 * i);
}

/// Eight stored codes from the magnitudes of a pattern of an IQ2 grid; bit i of `signs` makes value
/// i negative: 2 - magnitude in place of 3 + magnitude.
inline void expand_iq2(std::uint16_t pattern, std::uint8_t signs, std::uint8_t* stored) {
  const std::uint64_t magnitudes = spread<2>(pattern), minus = spread<1>(signs) * 0xff;
  const std::uint64_t down = (kOneEach + 2 * magnitudes) & minus;
  put_bytes<8>(3 * kOneEach + magnitudes - down, stored);
}

/// Four stored codes from the magnitudes of a pattern of an IQ3 grid, which are the upper half of
/// the codebook; bit i of `signs` makes value i negative, which is its mirror in the lower half.
inline void expand_iq3(std::uint16_t pattern, int signs, std::uint8_t* stored) {
  const std::uint64_t minus = spread<1>(static_cast<std::uint64_t>(signs) & 0xf) * 0xf;
  put_bytes<4>((8 * kOneEach + spread<3>(pattern)) ^ minus, stored);
}

/// The eight signs that seven bits stand for: the eighth makes the number of minuses even.
inline std::uint8_t even_signs(std::uint32_t seven_bits) {
  std::uint32_t parity = seven_bits ^ seven_bits >> 4;
  parity ^= parity >> 2;
  parity ^= parity >> 1;
  return static_cast<std::uint8_t>(seven_bits | (parity & 1) << 7);
}

/// The inverse of even_signs for each of four bytes, and above them four bits of an odd scale: 32
/// bits, the lower half first.
inline void put_signs_and_scale(const std::uint8_t* signs, int scale, PackedU16* halves) {
  std::uint32_t word = static_cast<std::uint32_t>(scale / 2) << 28;
  for (int i = 0; i < 4; ++i) word |= std::uint32_t{signs[i]} % 128 << (7 * i);
  halves[0] = PackedU16::of(word & 0xffff);
  halves[1] = PackedU16::of(word >> 16);
}

/// The values of IQ1_S and IQ1_M: eight times -1, 0 or 1, plus or minus 1.
inline constexpr std::array<std::int8_t, 16> kIq1Codebook = {-9, -7, -1, 1, 7, 9};

/// Eight stored codes from a pattern of the IQ1 grid.
inline void expand_iq1(std::uint16_t pattern, bool shift_down, std::uint8_t* stored) {
  put_bytes<8>(2 * spread<2>(pattern) + (shift_down ? 0 : kOneEach), stored);
}

}  // namespace linnet::formats
