#pragma once

#include "formats/block_format.hpp"
#include "formats/fit_scale.hpp"
#include "formats/packing.hpp"

namespace linnet::formats {

/// 4 bits, one scale and minimum for 32 values: 5 bits a value.
struct Q4_1 : BlockFormat<TensorType::kQ4_1, 32, 32> {
  static constexpr std::string_view name = "Q4_1";
  static constexpr bool has_minimum = true;
  static constexpr int code_bits = 4;
  static constexpr int code_min = 0;

  struct Block {
    PackedHalf scale;
    PackedHalf offset;
    std::uint8_t nibbles[16];  // value i in the low half of byte i, value i + 16 in the high half
  };
  static_assert(sizeof(Block) == 20);

  static void unpack_stored(const Block& block, std::uint8_t* stored) {
    split_nibbles(block.nibbles, 16, stored);
  }

  static void unpack_scales(const Block& block, float* scales, float* minimums) {
    scales[0] = block.scale.value();
    minimums[0] = -block.offset.value();
  }

  static void quantize(const float* in, const float* weights, Block& block) {
    const Line line = fit_line<Q4_1>(in, weights, HUGE_VALF);
    block.offset = PackedHalf::of(line.offset);
    block.scale = nearest_half<Q4_1>(in, weights, {line.scale, block.offset.value()});
    const float inverse = inverse_or_zero(block.scale.value());
    std::uint8_t numbers[32];
    for (int i = 0; i < 32; ++i) {
      numbers[i] = round_to_range((in[i] - block.offset.value()) * inverse, 0, 15);
    }
    join_nibbles(numbers, 16, block.nibbles);
  }
};

}  // namespace linnet::formats
