#pragma once

#include "formats/block_format.hpp"
#include "formats/iq_grids.hpp"
#include "formats/k_scales.hpp"
#include "formats/tables/iq2_xxs_grid.hpp"

namespace linnet::formats {

/// Patterns of 8 values with their signs, a 4-bit scale for 32 values: 2.0625 bits a value.
struct IQ2_XXS : BlockFormat<TensorType::kIQ2_XXS, 256, 32> {
  static constexpr std::string_view name = "IQ2_XXS";
  static constexpr bool has_super_scale = true;
  static constexpr float scale_factor = 0.125f;
  static constexpr bool has_codebook = true;
  static constexpr int code_bits = 3;
  static constexpr auto codebook = kIq2Codebook;
  static constexpr int pattern_elements = 8, level_bits = 2;
  static constexpr auto& grid = kIq2XxsGrid;
  static constexpr std::array<int, 3> levels = {8, 25, 43};
  static constexpr bool signs_are_even = true;

  struct Group {
    std::uint8_t patterns[4];
    PackedU16 signs_and_scale[2];  // 32 bits: four times seven bits of signs, four of scale
    std::uint32_t word() const {
      return std::uint32_t{signs_and_scale[1].value()} << 16 | signs_and_scale[0].value();
    }
  };
  struct Block {
    PackedHalf scale;
    Group groups[8];
  };
  static_assert(sizeof(Block) == 66);

  static void unpack_stored(const Block& block, std::uint8_t* stored) {
    for (const Group& group : block.groups) {
      for (int i = 0; i < 4; ++i) {
        const std::uint8_t signs = even_signs(group.word() >> (7 * i) & 127);
        expand_iq2(kIq2XxsGrid[group.patterns[i]], signs, stored);
        stored += 8;
      }
    }
  }

  static void unpack_super_scales(const Block& block, SuperScales<groups>& out) {
    out.super_scale = block.scale.value();
    for (int g = 0; g < groups; ++g) out.scales[g] = 2 * (block.groups[g].word() >> 28) + 1;
  }

  static void quantize(const float* in, const float* weights, Block& block) {
    const auto put = [&](int g, int scale, const auto& nearest) {
      std::copy_n(nearest.patterns, 4, block.groups[g].patterns);
      put_signs_and_scale(nearest.signs, scale, block.groups[g].signs_and_scale);
    };
    block.scale = PackedHalf::of(put_patterns<IQ2_XXS>(in, weights, {1, 31, 2}, put));
  }
};

}  // namespace linnet::formats
