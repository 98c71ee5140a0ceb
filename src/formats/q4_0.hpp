#pragma once

#include "formats/block_format.hpp"
#include "formats/fit_scale.hpp"
#include "formats/packing.hpp"

namespace linnet::formats {

/// 4 bits, one scale for 32 values: 4.5 bits a value.
struct Q4_0 : BlockFormat<TensorType::kQ4_0, 32, 32> {
  static constexpr std::string_view name = "Q4_0";
  static constexpr int code_bits = 4;
  static constexpr int code_min = -8;

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
    block.scale = nearest_half<Q4_0>(in, weights, {fit_scale<Q4_0>(in, weights), 0.0f});
    const float inverse = inverse_or_zero(block.scale.value());
    std::uint8_t numbers[32];
    for (int i = 0; i < 32; ++i) numbers[i] = round_to_range(in[i] * inverse + 8.0f, 0, 15);
    join_nibbles(numbers, 16, block.nibbles);
  }
};

}  // namespace linnet::formats
