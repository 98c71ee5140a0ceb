#pragma once

#include <cstddef>

#include "formats/block_format.hpp"
#include "formats/iq_grids.hpp"
#include "formats/k_scales.hpp"
#include "formats/tables/iq2_xs_grid.hpp"

namespace linnet::formats {

/// Patterns of 8 values with their signs, a 4-bit scale for 16 values: 2.3125 bits a value.
struct IQ2_XS : BlockFormat<TensorType::kIQ2_XS, 256, 16> {
  static constexpr std::string_view name = "IQ2_XS";
  static constexpr bool has_super_scale = true;
  static constexpr float scale_factor = 0.125f;
  static constexpr bool has_codebook = true;
  static constexpr int code_bits = 3;
  static constexpr auto codebook = kIq2Codebook;
  static constexpr int pattern_elements = 8, level_bits = 2;
  static constexpr auto& grid = kIq2XsGrid;
  static constexpr std::array<int, 3> levels = {8, 25, 43};
  static constexpr bool signs_are_even = true;

  struct Block {
    PackedHalf scale;
    PackedU16 patterns[32];        // nine bits of pattern, seven of signs
    std::uint8_t group_scales[8];  // group g in nibble g % 2 of byte g / 2
  };
  static_assert(sizeof(Block) == 74);

  static void unpack_stored(const Block& block, std::uint8_t* stored) {
    for (std::ptrdiff_t i = 0; i < 32; ++i) {
      const std::uint16_t pattern = block.patterns[i].value();
      expand_iq2(kIq2XsGrid[pattern & 511], even_signs(pattern >> 9), stored + 8 * i);
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
        block.patterns[2 * g + run] =
            PackedU16::of(nearest.patterns[run] | (nearest.signs[run] & 127) << 9);
      }
    };
    block.scale = PackedHalf::of(put_patterns<IQ2_XS>(in, weights, {1, 31, 2}, put));
  }
};

}  // namespace linnet::formats
