#pragma once

#include "formats/block_format.hpp"
#include "formats/k_scales.hpp"
#include "formats/packing.hpp"

namespace linnet::formats {

/// 3 bits, a 6-bit scale for 16 values: 3.4375 bits a value.
struct Q3_K : BlockFormat<TensorType::kQ3_K, 256, 16> {
  static constexpr std::string_view name = "Q3_K";
  static constexpr bool has_super_scale = true;
  static constexpr float scale_factor = 1.0f;
  static constexpr int code_bits = 3;
  static constexpr int code_min = -4;

  struct Block {
    std::uint8_t third_bits[32];    // value i in bit i / 32 of byte i % 32
    std::uint8_t pairs[64];         // laid out by split_pairs
    std::uint8_t group_scales[12];  // group g: low bits in nibble g / 8 of byte g % 8, upper two in
                                    // pair g / 4 of byte 8 + g % 4; plus 32
    PackedHalf scale;
  };
  static_assert(sizeof(Block) == 110);

  static void unpack_stored(const Block& block, std::uint8_t* stored) {
    split_pairs(block.pairs, stored);
    add_high_bits<1>(block.third_bits, 2, stored);
  }

  static void unpack_super_scales(const Block& block, SuperScales<groups>& out) {
    out.super_scale = block.scale.value();
    for (int g = 0; g < groups; ++g) {
      const int low = block.group_scales[g % 8] >> (g / 8 * 4) & 0xf;
      const int high = block.group_scales[8 + g % 4] >> (g / 4 * 2) & 3;
      out.scales[g] = static_cast<std::int8_t>((low | high << 4) - 32);
    }
  }

  static void quantize(const float* in, const float* weights, Block& block) {
    const auto super = fit_extremes<Q3_K>(in, weights, {-31, 31});
    block.scale = PackedHalf::of(super.super_scale);
    for (int g = 0; g < groups; ++g) {
      const int number = super.scales[g] + 32;
      block.group_scales[g % 8] |= (number & 0xf) << (g / 8 * 4);
      block.group_scales[8 + g % 4] |= number >> 4 << (g / 4 * 2);
    }
    std::uint8_t stored[block_elements];
    nearest_stored_codes<Q3_K>(in, super, stored);
    for (int i = 0; i < 256; ++i) {
      block.third_bits[i % 32] |= stored[i] >> 2 << (i / 32);
      stored[i] &= 3;
    }
    join_pairs(stored, block.pairs);
  }
};

}  // namespace linnet::formats
