#pragma once

#include <cstddef>

#include "formats/block_format.hpp"
#include "formats/packing.hpp"
#include "formats/tables/codebooks.hpp"

namespace linnet::formats {

/// 4-bit floats, an 8-bit float (E4M3) for 16 values: 4.5 bits a value. A scale of the whole
/// tensor, if there is one, is a tensor of its own.
struct NVFP4 : BlockFormat<TensorType::kNVFP4, 64, 16> {
  static constexpr std::string_view name = "NVFP4";
  static constexpr bool has_codebook = true;
  static constexpr int code_bits = 4;
  static constexpr auto codebook = kE2m1Codebook;

  struct Block {
    std::uint8_t scales[4];
    std::uint8_t nibbles[32];  // 8 bytes for 16 values: first the low halves, then the high ones
  };
  static_assert(sizeof(Block) == 36);

  static void unpack_stored(const Block& block, std::uint8_t* stored) {
    for (std::ptrdiff_t g = 0; g < groups; ++g) {
      split_nibbles(block.nibbles + 8 * g, 8, stored + 16 * g);
    }
  }

  static void unpack_scales(const Block& block, float* scales) {
    for (int g = 0; g < groups; ++g) scales[g] = e4m3_half(block.scales[g]);
  }

  /// Half of an E4M3 number without its sign (the codebook is doubled): four exponent bits, three
  /// of mantissa. The positive NaN reads as 0, as in ggml.
  static float e4m3_half(std::uint8_t bits) {
    const int exponent = bits >> 3 & 0xf;
    const int mantissa = bits & 7;
    if (bits == 0x7f) return 0.0f;
    if (exponent == 0) return static_cast<float>(mantissa) * 0x1p-10f;
    return std::ldexp(static_cast<float>(8 + mantissa), exponent - 11);
  }
};

}  // namespace linnet::formats
