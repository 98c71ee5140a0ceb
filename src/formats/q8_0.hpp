#pragma once

#include "formats/block_format.hpp"
#include "formats/packing.hpp"

namespace linnet::formats {

/// 8 bits, one scale for 32 values: 8.5 bits a value.
struct Q8_0 : BlockFormat<TensorType::kQ8_0, 32, 32> {
  static constexpr std::string_view name = "Q8_0";
  static constexpr int code_bits = 8;
  static constexpr int code_min = -128;

  struct Block {
    PackedHalf scale;
    std::int8_t codes[32];
  };
  static_assert(sizeof(Block) == 34);

  static void unpack_stored(const Block& block, std::uint8_t* stored) {
    for (int i = 0; i < 32; ++i) stored[i] = static_cast<std::uint8_t>(block.codes[i] - code_min);
  }

  static void unpack_scales(const Block& block, float* scales) { scales[0] = block.scale.value(); }

  static void quantize(const float* in, Block& block) {
    block.scale = PackedHalf::of(half_from(std::fabs(extreme(in, 32)) / 127.0f));
    const float inverse = inverse_or_zero(block.scale.value());
    for (int i = 0; i < 32; ++i) block.codes[i] = round_to_range(in[i] * inverse, -127, 127);
  }
};

}  // namespace linnet::formats
