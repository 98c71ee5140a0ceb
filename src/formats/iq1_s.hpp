#pragma once

#include <cstddef>

#include "formats/block_format.hpp"
#include "formats/iq_grids.hpp"
#include "formats/k_scales.hpp"
#include "formats/tables/iq1_grid.hpp"

namespace linnet::formats {

/// Patterns of 8 ternary values shifted by an eighth, a 3-bit scale for 32 values: 1.5625 bits a
/// value.
struct IQ1_S : BlockFormat<TensorType::kIQ1_S, 256, 32> {
  static constexpr std::string_view name = "IQ1_S";
  static constexpr bool has_super_scale = true;
  static constexpr float scale_factor = 0.125f;
  static constexpr bool has_codebook = true;
  static constexpr int code_bits = 3;
  static constexpr auto codebook = kIq1Codebook;
  static constexpr int pattern_elements = 8, level_bits = 2;
  static constexpr auto& grid = kIq1Grid;
  static constexpr std::array<int, 3> levels = {-8, 0, 8};
  static constexpr float shift = 1.0f;
  static constexpr int shift_elements = 32;

  struct Block {
    PackedHalf scale;
    std::uint8_t patterns_low[32];
    PackedU16 group_bits[8];  // three upper bits of each of four patterns, scale, shift downwards
  };
  static_assert(sizeof(Block) == 50);

  static void unpack_stored(const Block& block, std::uint8_t* stored) {
    for (std::ptrdiff_t i = 0; i < 32; ++i) {
      const std::uint16_t bits = block.group_bits[i / 4].value();
      const int high = bits >> (i % 4 * 3) & 7;
      expand_iq1(kIq1Grid[block.patterns_low[i] | high << 8], bits >> 15, stored + 8 * i);
    }
  }

  static void unpack_super_scales(const Block& block, SuperScales<groups>& out) {
    out.super_scale = block.scale.value();
    for (int g = 0; g < groups; ++g) {
      out.scales[g] = 2 * (block.group_bits[g].value() >> 12 & 7) + 1;
    }
  }

  static void quantize(const float* in, const float* weights, Block& block) {
    const auto put = [&](int g, int scale, const auto& nearest) {
      int bits = scale / 2 << 12 | (nearest.shifts_down[0] ? 1 << 15 : 0);
      for (int run = 0; run < 4; ++run) {
        block.patterns_low[4 * g + run] = static_cast<std::uint8_t>(nearest.patterns[run]);
        bits |= nearest.patterns[run] >> 8 << (run * 3);
      }
      block.group_bits[g] = PackedU16::of(bits);
    };
    block.scale = PackedHalf::of(put_patterns<IQ1_S>(in, weights, {1, 15, 2}, put));
  }
};

}  // namespace linnet::formats
