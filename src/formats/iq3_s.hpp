#pragma once

#include <cstddef>

#include "formats/block_format.hpp"
#include "formats/iq_grids.hpp"
#include "formats/k_scales.hpp"
#include "formats/tables/iq3_s_grid.hpp"

namespace linnet::formats {

/// Patterns of 4 values with their signs, a 4-bit scale for 32 values: 3.4375 bits a value.
struct IQ3_S : BlockFormat<TensorType::kIQ3_S, 256, 32> {
  static constexpr std::string_view name = "IQ3_S";
  static constexpr bool has_super_scale = true;
  static constexpr float scale_factor = 1.0f;
  static constexpr bool has_codebook = true;
  static constexpr int code_bits = 4;
  static constexpr std::array<std::int8_t, 16> codebook = {-15, -13, -11, -9, -7, -5, -3, -1,
                                                           1,   3,   5,   7,  9,  11, 13, 15};
  static constexpr int pattern_elements = 4, level_bits = 3;
  static constexpr auto& grid = kIq3SGrid;
  static constexpr std::array<int, 8> levels = {1, 3, 5, 7, 9, 11, 13, 15};

  struct Block {
    PackedHalf scale;
    std::uint8_t patterns_low[64];
    std::uint8_t patterns_high[8];  // pattern i: bit i % 8 of byte i / 8
    std::uint8_t signs[32];         // value i: bit i % 8 of byte i / 8
    std::uint8_t group_scales[4];   // group g in nibble g % 2 of byte g / 2
  };
  static_assert(sizeof(Block) == 110);

  static void unpack_stored(const Block& block, std::uint8_t* stored) {
    for (std::ptrdiff_t i = 0; i < 64; ++i) {
      const int high = block.patterns_high[i / 8] >> (i % 8) & 1;
      const int signs = block.signs[i / 2] >> (i % 2 * 4);
      expand_iq3(kIq3SGrid[block.patterns_low[i] | high << 8], signs, stored + 4 * i);
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
      std::copy_n(nearest.signs, 4, block.signs + 4 * g);
      for (int run = 0; run < 8; ++run) {
        block.patterns_low[8 * g + run] = static_cast<std::uint8_t>(nearest.patterns[run]);
        block.patterns_high[g] |= nearest.patterns[run] >> 8 << run;
      }
    };
    block.scale = PackedHalf::of(put_patterns<IQ3_S>(in, weights, {1, 31, 2}, put));
  }
};

}  // namespace linnet::formats
