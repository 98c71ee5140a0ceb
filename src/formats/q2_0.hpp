#pragma once

#include "formats/block_format.hpp"
#include "formats/fit_scale.hpp"

namespace linnet::formats {

/// 2 bits, one scale for 64 values: 2.25 bits a value.
struct Q2_0 : BlockFormat<TensorType::kQ2_0, 64, 64> {
  static constexpr std::string_view name = "Q2_0";
  static constexpr int code_bits = 2;
  static constexpr int code_min = -1;

  struct Block {
    PackedHalf scale;
    std::uint8_t pairs[16];  // values 4 i to 4 i + 3 in byte i
  };
  static_assert(sizeof(Block) == 18);

  static void unpack_stored(const Block& block, std::uint8_t* stored) {
    for (int i = 0; i < 64; ++i) stored[i] = block.pairs[i / 4] >> (i % 4 * 2) & 3;
  }

  static void unpack_scales(const Block& block, float* scales) { scales[0] = block.scale.value(); }

  static void quantize(const float* in, const float* weights, Block& block) {
    block.scale = nearest_half<Q2_0>(in, weights, {fit_scale<Q2_0>(in, weights), 0.0f});
    const float inverse = inverse_or_zero(block.scale.value());
    for (int i = 0; i < 64; ++i) {
      block.pairs[i / 4] |= (round_to_range(in[i] * inverse, -1, 2) + 1) << (i % 4 * 2);
    }
  }
};

}  // namespace linnet::formats
