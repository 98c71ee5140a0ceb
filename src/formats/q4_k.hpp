#pragma once

#include <cstddef>

#include "formats/block_format.hpp"
#include "formats/k_scales.hpp"
#include "formats/packing.hpp"

namespace linnet::formats {

/// 4 bits, a 6-bit scale and minimum for 32 values: 4.5 bits a value.
struct Q4_K : BlockFormat<TensorType::kQ4_K, 256, 32> {
  static constexpr std::string_view name = "Q4_K";
  static constexpr bool has_minimum = true;
  static constexpr bool has_super_scale = true;
  static constexpr float scale_factor = 1.0f;
  static constexpr int code_bits = 4;
  static constexpr int code_min = 0;

  struct Block {
    PackedHalf scale;
    PackedHalf minimum;
    PackedScales6 group_scales;
    std::uint8_t nibbles[128];  // 32 bytes for 64 values: first the low halves, then the high ones
  };
  static_assert(sizeof(Block) == 144);

  static void unpack_stored(const Block& block, std::uint8_t* stored) {
    for (std::ptrdiff_t i = 0; i < 4; ++i) {
      split_nibbles(block.nibbles + 32 * i, 32, stored + 64 * i);
    }
  }

  static void unpack_super_scales(const Block& block, SuperScales<groups>& out) {
    out.super_scale = block.scale.value();
    out.super_minimum = block.minimum.value();
    block.group_scales.unpack(out.scales, out.minimums);
  }

  static void quantize(const float* in, const float* weights, Block& block) {
    const auto super = fit_ranges<Q4_K>(in, weights, 63);
    block.scale = PackedHalf::of(super.super_scale);
    block.minimum = PackedHalf::of(super.super_minimum);
    block.group_scales.pack(super.scales, super.minimums);
    std::uint8_t stored[block_elements];
    nearest_stored_codes<Q4_K>(in, super, stored);
    for (std::ptrdiff_t i = 0; i < 4; ++i) {
      join_nibbles(stored + 64 * i, 32, block.nibbles + 32 * i);
    }
  }
};

}  // namespace linnet::formats
