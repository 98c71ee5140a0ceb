#pragma once

#include "formats/block_format.hpp"

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
};

}  // namespace linnet::formats
