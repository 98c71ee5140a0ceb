#pragma once

#include <cstddef>

#include "formats/block_format.hpp"
#include "formats/iq_grids.hpp"
#include "formats/k_scales.hpp"
#include "formats/tables/iq3_xxs_grid.hpp"

namespace linnet::formats {

/// Patterns of 4 values with their signs, a 4-bit scale for 32 values: 3.0625 bits a value.
struct IQ3_XXS : BlockFormat<TensorType::kIQ3_XXS, 256, 32> {
  static constexpr std::string_view name = "IQ3_XXS";
  static constexpr bool has_super_scale = true;
  static constexpr float scale_factor = 0.25f;
  static constexpr bool has_codebook = true;
  static constexpr int code_bits = 4;
  static constexpr std::array<std::int8_t, 16> codebook = {-62, -52, -44, -36, -28, -20, -12, -4,
                                                           4,   12,  20,  28,  36,  44,  52,  62};
  static constexpr int pattern_elements = 4, level_bits = 3;
  static constexpr auto& grid = kIq3XxsGrid;
  static constexpr std::array<int, 8> levels = {4, 12, 20, 28, 36, 44, 52, 62};
  static constexpr bool signs_are_even = true;

  struct Block {
    PackedHalf scale;
    std::uint8_t patterns[64];
    PackedU16 signs_and_scales[8][2];  // 32 bits a group: four times seven of signs, four of scale
    std::uint32_t word(int group) const {
      return std::uint32_t{signs_and_scales[group][1].value()} << 16 |
             signs_and_scales[group][0].value();
    }
  };
  static_assert(sizeof(Block) == 98);

  static void unpack_stored(const Block& block, std::uint8_t* stored) {
    for (std::ptrdiff_t i = 0; i < 32; ++i) {
      const std::uint8_t signs = even_signs(block.word(i / 4) >> (i % 4 * 7) & 127);
      expand_iq3(kIq3XxsGrid[block.patterns[2 * i]], signs, stored + 8 * i);
      expand_iq3(kIq3XxsGrid[block.patterns[2 * i + 1]], signs >> 4, stored + 8 * i + 4);
    }
  }

  static void unpack_super_scales(const Block& block, SuperScales<groups>& out) {
    out.super_scale = block.scale.value();
    for (int g = 0; g < groups; ++g) out.scales[g] = 2 * (block.word(g) >> 28) + 1;
  }

  static void quantize(const float* in, const float* weights, Block& block) {
    const auto put = [&](int g, int scale, const auto& nearest) {
      std::copy_n(nearest.patterns, 8, block.patterns + 8 * g);
      put_signs_and_scale(nearest.signs, scale, block.signs_and_scales[g]);
    };
    block.scale = PackedHalf::of(put_patterns<IQ3_XXS>(in, weights, {1, 31, 2}, put));
  }
};

}  // namespace linnet::formats
