#pragma once

#include "formats/block_format.hpp"
#include "formats/fit_scale.hpp"
#include "formats/packing.hpp"
#include "formats/tables/codebooks.hpp"

namespace linnet::formats {

/// 4-bit indices of an uneven codebook, one scale for 32 values: 4.5 bits a value.
struct IQ4_NL : BlockFormat<TensorType::kIQ4_NL, 32, 32> {
  static constexpr std::string_view name = "IQ4_NL";
  static constexpr bool has_codebook = true;
  static constexpr int code_bits = 4;
  static constexpr auto codebook = kIq4Codebook;

  struct Block {
    PackedHalf scale;
    std::uint8_t nibbles[16];  // value i in the low half of byte i, value i + 16 in the high half
  };
  static_assert(sizeof(Block) == 18);

  static void unpack_stored(const Block& block, std::uint8_t* stored) {
    split_nibbles(block.nibbles, 16, stored);
  }

  static void unpack_scales(const Block& block, float* scales) { scales[0] = block.scale.value(); }

  static void quantize(const float* in, const float* weights, Block& block) {
    block.scale = nearest_half<IQ4_NL>(in, weights, {fit_scale<IQ4_NL>(in, weights), 0.0f});
    const float inverse = inverse_or_zero(block.scale.value());
    std::uint8_t indices[32];
    for (int i = 0; i < 32; ++i) indices[i] = nearest_index(codebook, in[i] * inverse);
    join_nibbles(indices, 16, block.nibbles);
  }
};

}  // namespace linnet::formats
