#pragma once

#include "formats/block_format.hpp"
#include "formats/fit_scale.hpp"
#include "formats/packing.hpp"

namespace linnet::formats {

/// 5 bits, one scale and minimum for 32 values: 6 bits a value.
struct Q5_1 : BlockFormat<TensorType::kQ5_1, 32, 32> {
  static constexpr std::string_view name = "Q5_1";
  static constexpr bool has_minimum = true;
  static constexpr int code_bits = 5;
  static constexpr int code_min = 0;

  struct Block {
    PackedHalf scale;
    PackedHalf offset;
    std::uint8_t fifth_bits[4];  // value i in bit i
    std::uint8_t nibbles[16];    // value i in the low half of byte i, value i + 16 in the high half
  };
  static_assert(sizeof(Block) == 24);

  static void unpack_stored(const Block& block, std::uint8_t* stored) {
    split_nibbles(block.nibbles, 16, stored);
    for (int i = 0; i < 32; ++i) stored[i] |= (block.fifth_bits[i / 8] >> (i % 8) & 1) << 4;
  }

  static void unpack_scales(const Block& block, float* scales, float* minimums) {
    scales[0] = block.scale.value();
    minimums[0] = -block.offset.value();
  }

  static void quantize(const float* in, const float* weights, Block& block) {
    const Line line = fit_line<Q5_1>(in, weights, HUGE_VALF);
    block.offset = PackedHalf::of(line.offset);
    block.scale = nearest_half<Q5_1>(in, weights, {line.scale, block.offset.value()});
    const float inverse = inverse_or_zero(block.scale.value());
    std::uint8_t low[32];
    for (int i = 0; i < 32; ++i) {
      const int number = round_to_range((in[i] - block.offset.value()) * inverse, 0, 31);
      low[i] = number & 0xf;
      block.fifth_bits[i / 8] |= number >> 4 << (i % 8);
    }
    join_nibbles(low, 16, block.nibbles);
  }
};

}  // namespace linnet::formats
