#pragma once

#include <cstddef>

#include "formats/block_format.hpp"
#include "formats/k_scales.hpp"
#include "formats/packing.hpp"
#include "formats/tables/codebooks.hpp"

namespace linnet::formats {

/// 4-bit indices of an uneven codebook, a 6-bit scale for 32 values: 4.25 bits a value.
struct IQ4_XS : BlockFormat<TensorType::kIQ4_XS, 256, 32> {
  static constexpr std::string_view name = "IQ4_XS";
  static constexpr bool has_super_scale = true;
  static constexpr float scale_factor = 1.0f;
  static constexpr bool has_codebook = true;
  static constexpr int code_bits = 4;
  static constexpr auto codebook = kIq4Codebook;

  struct Block {
    PackedHalf scale;
    PackedU16 scales_high;       // two bits a group; a scale is stored plus 32
    std::uint8_t scales_low[4];  // four bits a group
    std::uint8_t nibbles[128];   // 16 bytes for 32 values: first the low halves, then the high ones
  };
  static_assert(sizeof(Block) == 136);

  static void unpack_stored(const Block& block, std::uint8_t* stored) {
    for (std::ptrdiff_t g = 0; g < groups; ++g) {
      split_nibbles(block.nibbles + 16 * g, 16, stored + 32 * g);
    }
  }

  static void unpack_super_scales(const Block& block, SuperScales<groups>& out) {
    out.super_scale = block.scale.value();
    for (int g = 0; g < groups; ++g) {
      const int low = block.scales_low[g / 2] >> (g % 2 * 4) & 0xf;
      const int high = block.scales_high.value() >> (g * 2) & 3;
      out.scales[g] = static_cast<std::int8_t>((low | high << 4) - 32);
    }
  }

  static void quantize(const float* in, const float* weights, Block& block) {
    const auto super = fit_extremes<IQ4_XS>(in, weights, {-31, 31});
    block.scale = PackedHalf::of(super.super_scale);
    int high = 0;
    for (int g = 0; g < groups; ++g) {
      const int number = super.scales[g] + 32;
      block.scales_low[g / 2] |= (number & 0xf) << (g % 2 * 4);
      high |= number >> 4 << (g * 2);
    }
    block.scales_high = {{static_cast<std::uint8_t>(high), static_cast<std::uint8_t>(high >> 8)}};
    std::uint8_t stored[block_elements];
    nearest_stored_codes<IQ4_XS>(in, super, stored);
    for (std::ptrdiff_t g = 0; g < groups; ++g) {
      join_nibbles(stored + 32 * g, 16, block.nibbles + 16 * g);
    }
  }
};

}  // namespace linnet::formats
