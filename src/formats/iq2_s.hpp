#pragma once

#include <cstddef>

#include "formats/block_format.hpp"
#include "formats/iq_grids.hpp"
#include "formats/k_scales.hpp"
#include "formats/tables/iq2_s_grid.hpp"

namespace linnet::formats {

/// Patterns of 8 values with their signs, a 4-bit scale for 16 values: 2.5625 bits a value.
struct IQ2_S : BlockFormat<TensorType::kIQ2_S, 256, 16> {
  static constexpr std::string_view name = "IQ2_S";
  static constexpr bool has_super_scale = true;
  static constexpr float scale_factor = 0.125f;
  static constexpr bool has_codebook = true;
  static constexpr int code_bits = 3;
  static constexpr auto codebook = kIq2Codebook;
  static constexpr int pattern_elements = 8, level_bits = 2;
  static constexpr auto& grid = kIq2SGrid;
  static constexpr std::array<int, 3> levels = {8, 25, 43};

  struct Block {
    PackedHalf scale;
    std::uint8_t patterns_low[32];
    std::uint8_t signs[32];
    std::uint8_t patterns_high[8];  // pattern i: the pair i % 4 of byte i / 4
    std::uint8_t group_scales[8];   // group g in nibble g % 2 of byte g / 2
  };
  static_assert(sizeof(Block) == 82);

  static void unpack_stored(const Block& block, std::uint8_t* stored) {
    for (std::ptrdiff_t i = 0; i < 32; ++i) {
      const int high = block.patterns_high[i / 4] >> (i % 4 * 2) & 3;
      expand_iq2(kIq2SGrid[block.patterns_low[i] | high << 8], block.signs[i], stored + 8 * i);
    }
  }

  static void unpack_super_scales(const Block& block, SuperScales<groups>& out) {
    out.super_scale = block.scale.value();
    for (int g = 0; g < groups; ++g) {
      out.scales[g] = 2 * (block.group_scales[g / 2] >> (g % 2 * 4) & 0xf) + 1;
    }
  }

  static void quantize(const float* in, const float* weights, Block& block) {
    const auto put = [&](int g, int scale, const auto& nearest) {
      block.group_scales[g / 2] |= scale / 2 << (g % 2 * 4);
      for (int run = 0; run < 2; ++run) {
        const int i = 2 * g + run;
        block.patterns_low[i] = static_cast<std::uint8_t>(nearest.patterns[run]);
        block.patterns_high[i / 4] |= nearest.patterns[run] >> 8 << (i % 4 * 2);
        block.signs[i] = nearest.signs[run];
      }
    };
    block.scale = PackedHalf::of(put_patterns<IQ2_S>(in, weights, {1, 31, 2}, put));
  }
};

}  // namespace linnet::formats
