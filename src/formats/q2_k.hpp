#pragma once

#include "formats/block_format.hpp"
#include "formats/k_scales.hpp"
#include "formats/packing.hpp"

namespace linnet::formats {

/// 2 bits, a 4-bit scale and minimum for 16 values: 2.625 bits a value.
struct Q2_K : BlockFormat<TensorType::kQ2_K, 256, 16> {
  static constexpr std::string_view name = "Q2_K";
  static constexpr bool has_minimum = true;
  static constexpr bool has_super_scale = true;
  static constexpr float scale_factor = 1.0f;
  static constexpr int code_bits = 2;
  static constexpr int code_min = 0;

  struct Block {
    std::uint8_t group_scales[16];  // the scale in the low half, the minimum in the high half
    std::uint8_t pairs[64];         // laid out by split_pairs
    PackedHalf scale;
    PackedHalf minimum;
  };
  static_assert(sizeof(Block) == 84);

  static void unpack_stored(const Block& block, std::uint8_t* stored) {
    split_pairs(block.pairs, stored);
  }

  static void unpack_super_scales(const Block& block, SuperScales<groups>& out) {
    out.super_scale = block.scale.value();
    out.super_minimum = block.minimum.value();
    for (int g = 0; g < groups; ++g) {
      out.scales[g] = block.group_scales[g] & 0xf;
      out.minimums[g] = block.group_scales[g] >> 4;
    }
  }

  static void quantize(const float* in, const float* weights, Block& block) {
    const auto super = fit_ranges<Q2_K>(in, weights, 15);
    block.scale = PackedHalf::of(super.super_scale);
    block.minimum = PackedHalf::of(super.super_minimum);
    for (int g = 0; g < groups; ++g) {
      block.group_scales[g] = static_cast<std::uint8_t>(super.scales[g] | super.minimums[g] << 4);
    }
    std::uint8_t stored[block_elements];
    nearest_stored_codes<Q2_K>(in, super, stored);
    join_pairs(stored, block.pairs);
  }
};

}  // namespace linnet::formats
