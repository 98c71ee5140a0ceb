#pragma once

#include <cstddef>

#include "formats/block_format.hpp"
#include "formats/iq_grids.hpp"
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
};

}  // namespace linnet::formats
