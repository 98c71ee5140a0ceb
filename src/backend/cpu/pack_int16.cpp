#include "backend/cpu/pack_int16.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "formats/magnitude.hpp"

namespace linnet::cpu {
namespace {

// The loops over a panel have no branches, so that they are vectorised: a model is packed as fast
// as it is read.

constexpr int kExponentBits = 23;  // where a float's exponent begins
constexpr int kCodeBits = 13;      // without the sign

// 2^(exponent - 127) for exponents from 1 to 254.
float power_of_two(std::int32_t exponent) {
  return std::bit_cast<float>(exponent << kExponentBits);
}

// half_to_float() of what is finite.
float finite_half_to_float(std::uint16_t half) {
  const float magnitude = std::bit_cast<float>((half & 0x7fffu) << 13) * 0x1p112f;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | (half & 0x8000u) << 16);
}

template <bool kHalf>
float to_float(std::uint16_t bits) {
  if constexpr (kHalf) return finite_half_to_float(bits);
  return std::bit_cast<float>(std::uint32_t{bits} << 16);
}

// The exponent byte with which a block's largest magnitude gets kCodeBits bits.
std::uint8_t block_exponent(float largest) {
  const auto exponent = std::bit_cast<std::int32_t>(largest) >> kExponentBits;
  return static_cast<std::uint8_t>(std::max(1, exponent - (kCodeBits - 1)));
}

// x / 2^(exponent - 127), rounded to the nearest integer, ties to even: what is added leaves no
// place for fractions.
std::int16_t to_code(float x, float inverse) {
  constexpr float kNoFractions = 0x1.8p23f;
  return static_cast<std::int16_t>(std::bit_cast<std::int32_t>(x * inverse + kNoFractions) -
                                   std::bit_cast<std::int32_t>(kNoFractions));
}

// `inputs` weights of a row to a panel.
template <bool kHalf>
void pack_panel_lane(const std::byte* weights, std::int64_t inputs, std::int64_t lane,
                     std::uint8_t* panel) {
  std::array<std::uint16_t, kPanel> bits{};
  std::array<std::int16_t, kPanel> codes;
  std::memcpy(bits.data(), weights, static_cast<std::size_t>(2 * inputs));
  const std::int64_t blocks = int16_blocks(inputs);
  for (std::int64_t b = 0; b < blocks; ++b) {
    const std::uint16_t* block = bits.data() + b * kBlock;
    const auto largest =
        formats::largest_magnitude<std::int16_t>(reinterpret_cast<const std::byte*>(block), kBlock);
    const std::uint8_t exponent =
        block_exponent(to_float<kHalf>(static_cast<std::uint16_t>(largest)));
    panel[b * kLanes + lane] = exponent;
    const float inverse = power_of_two(254 - exponent);
    for (std::int64_t i = 0; i < kBlock; ++i) {
      codes[b * kBlock + i] = to_code(to_float<kHalf>(block[i]), inverse);
    }
  }
  std::uint8_t* pairs = panel + int16_codes_at(inputs) + 4 * lane;
  for (std::int64_t pair = 0; pair < blocks * kBlock / 2; ++pair) {
    std::memcpy(pairs + 4 * kLanes * pair, codes.data() + 2 * pair, 4);
  }
}

template <bool kHalf>
bool pack_lanes(const PackedRows& from, std::uint8_t* strip) {
  for (std::int64_t lane = 0; lane < from.rows; ++lane) {
    const std::byte* row = from.bytes + lane * from.row_bytes;
    const auto largest = formats::largest_magnitude<std::int16_t>(row, from.columns);
    if (largest >= (kHalf ? formats::kHalfInfinity : formats::kBfloat16Infinity)) return false;
    std::uint8_t* panel = strip;
    for (std::int64_t first = 0; first < from.columns; first += kPanel) {
      const std::int64_t inputs = std::min(kPanel, from.columns - first);
      pack_panel_lane<kHalf>(row + 2 * first, inputs, lane, panel);
      panel += int16_panel_bytes(inputs);
    }
  }
  return true;
}

}  // namespace

bool pack_int16(const PackedRows& from, std::uint8_t* strip) {
  return from.format->type == TensorType::kF16 ? pack_lanes<true>(from, strip)
                                               : pack_lanes<false>(from, strip);
}

void unpack_int16(const std::uint8_t* strip, std::int64_t lane, std::int64_t columns, float* out) {
  for (std::int64_t c = 0; c < columns; ++c) {
    const std::int64_t first = c / kPanel * kPanel, input = c - first;
    const std::int64_t inputs = std::min(kPanel, columns - first);
    const std::uint8_t* panel = strip + c / kPanel * int16_panel_bytes(kPanel);
    std::int16_t code;
    std::memcpy(&code,
                panel + int16_codes_at(inputs) + 4 * (input / 2 * kLanes + lane) + 2 * (input % 2),
                sizeof code);
    out[c] = static_cast<float>(code) * power_of_two(panel[input / kBlock * kLanes + lane]);
  }
}

}  // namespace linnet::cpu
