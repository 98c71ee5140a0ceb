#pragma once

#include <cstddef>

#include "formats/block_format.hpp"
#include "formats/k_scales.hpp"
#include "formats/packing.hpp"

namespace linnet::formats {

/// 6 bits, an 8-bit scale for 16 values: 6.5625 bits a value.
struct Q6_K : BlockFormat<TensorType::kQ6_K, 256, 16> {
  static constexpr std::string_view name = "Q6_K";
  static constexpr bool has_super_scale = true;
  static constexpr float scale_factor = 1.0f;
  static constexpr int code_bits = 6;
  static constexpr int code_min = -32;

  // The two halves of a block are alike. In a half, value i has its low four bits in nibble i / 64
  // of byte i % 64 and its upper two in pair i / 32 of byte i % 32.
  struct Block {
    std::uint8_t low[128];
    std::uint8_t high[64];
    std::int8_t group_scales[16];
    PackedHalf scale;
  };
  static_assert(sizeof(Block) == 210);

  static void unpack_stored(const Block& block, std::uint8_t* stored) {
    for (std::ptrdiff_t half = 0; half < 2; ++half) {
      split_nibbles(block.low + 64 * half, 64, stored + 128 * half);
      add_high_bits<2>(block.high + 32 * half, 4, stored + 128 * half);
    }
  }

  static void unpack_super_scales(const Block& block, SuperScales<groups>& out) {
    out.super_scale = block.scale.value();
    std::memcpy(out.scales, block.group_scales, sizeof(block.group_scales));
  }

  static void quantize(const float* in, const float* weights, Block& block) {
    const auto super = fit_extremes<Q6_K>(in, weights, {-127, 127});
    block.scale = PackedHalf::of(super.super_scale);
    std::memcpy(block.group_scales, super.scales, sizeof(block.group_scales));
    std::uint8_t stored[block_elements];
    nearest_stored_codes<Q6_K>(in, super, stored);
    for (int i = 0; i < 256; ++i) {
      block.low[i / 128 * 64 + i % 64] |= (stored[i] & 0xf) << (i % 128 / 64 * 4);
      block.high[i / 128 * 32 + i % 32] |= stored[i] >> 4 << (i % 128 / 32 * 2);
    }
  }
};

}  // namespace linnet::formats
