#pragma once

#include <cstddef>

#include "formats/block_format.hpp"
#include "formats/iq_grids.hpp"
#include "formats/k_scales.hpp"
#include "formats/tables/iq1_grid.hpp"

namespace linnet::formats {

/// Patterns of 8 ternary values, each shifted by an eighth, a 3-bit scale for 16 values: 1.75 bits
/// a value.
struct IQ1_M : BlockFormat<TensorType::kIQ1_M, 256, 16> {
  static constexpr std::string_view name = "IQ1_M";
  static constexpr bool has_super_scale = true;
  static constexpr float scale_factor = 0.125f;
  static constexpr bool has_codebook = true;
  static constexpr int code_bits = 3;
  static constexpr auto codebook = kIq1Codebook;
  static constexpr int pattern_elements = 8, level_bits = 2;
  static constexpr auto& grid = kIq1Grid;
  static constexpr std::array<int, 3> levels = {-8, 0, 8};
  static constexpr float shift = 1.0f;
  static constexpr int shift_elements = 8;

  struct Block {
    std::uint8_t patterns_low[32];
    std::uint8_t patterns_high[16];  // a nibble a pattern: three upper bits, shift downwards
    PackedU16 group_scales[4];       // four times three bits, then a nibble of the super scale
  };
  static_assert(sizeof(Block) == 56);

  static void unpack_stored(const Block& block, std::uint8_t* stored) {
    for (std::ptrdiff_t i = 0; i < 32; ++i) {
      const int high = block.patterns_high[i / 2] >> (i % 2 * 4);
      expand_iq1(kIq1Grid[block.patterns_low[i] | (high & 7) << 8], high & 8, stored + 8 * i);
    }
  }

  static void unpack_super_scales(const Block& block, SuperScales<groups>& out) {
    std::uint16_t half = 0;
    for (int i = 0; i < 4; ++i) half |= block.group_scales[i].value() >> 12 << (4 * i);
    out.super_scale = half_to_float(half);
    for (int g = 0; g < groups; ++g) {
      out.scales[g] = 2 * (block.group_scales[g / 4].value() >> (g % 4 * 3) & 7) + 1;
    }
  }

  static void quantize(const float* in, const float* weights, Block& block) {
    int scales[4] = {};
    const auto put = [&](int g, int scale, const auto& nearest) {
      scales[g / 4] |= scale / 2 << (g % 4 * 3);
      for (int run = 0; run < 2; ++run) {
        const int high = nearest.patterns[run] >> 8 | (nearest.shifts_down[run] ? 8 : 0);
        block.patterns_low[2 * g + run] = static_cast<std::uint8_t>(nearest.patterns[run]);
        block.patterns_high[g] |= high << (run * 4);
      }
    };
    const int half = float_to_half(put_patterns<IQ1_M>(in, weights, {1, 15, 2}, put));
    for (int i = 0; i < 4; ++i) {
      block.group_scales[i] = PackedU16::of(scales[i] | (half >> (4 * i) & 0xf) << 12);
    }
  }
};

}  // namespace linnet::formats
