#pragma once

#include "formats/block_format.hpp"
#include "formats/packing.hpp"
#include "formats/ternary.hpp"

namespace linnet::formats {

/// Ternary values in 2 bits, one scale for 256 values: 2.0625 bits a value.
struct TQ2_0 : BlockFormat<TensorType::kTQ2_0, 256, 256> {
  static constexpr std::string_view name = "TQ2_0";
  static constexpr int code_bits = 2;
  static constexpr int code_min = -1;
  static constexpr int code_max = 1;

  struct Block {
    std::uint8_t pairs[64];  // laid out by split_pairs
    PackedHalf scale;
  };
  static_assert(sizeof(Block) == 66);

  static void unpack_stored(const Block& block, std::uint8_t* stored) {
    split_pairs(block.pairs, stored);
  }

  static void unpack_scales(const Block& block, float* scales) { scales[0] = block.scale.value(); }

  static void quantize(const float* in, const float* weights, Block& block) {
    std::uint8_t stored[block_elements];
    block.scale = put_ternary<TQ2_0>(in, weights, stored);
    join_pairs(stored, block.pairs);
  }
};

}  // namespace linnet::formats
