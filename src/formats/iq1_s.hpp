#pragma once

#include <cstddef>

#include "formats/block_format.hpp"
#include "formats/iq_grids.hpp"
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
};

}  // namespace linnet::formats
