#pragma once

#include "formats/block_format.hpp"
#include "formats/ternary.hpp"

namespace linnet::formats {

/// Signs, one scale for 128 values: 1.125 bits a value.
struct Q1_0 : BlockFormat<TensorType::kQ1_0, 128, 128> {
  static constexpr std::string_view name = "Q1_0";
  static constexpr bool has_codebook = true;
  static constexpr int code_bits = 1;
  static constexpr std::array<std::int8_t, 16> codebook = {-1, 1};

  struct Block {
    PackedHalf scale;
    std::uint8_t bits[16];  // value i in bit i
  };
  static_assert(sizeof(Block) == 18);

  static void unpack_stored(const Block& block, std::uint8_t* stored) {
    for (int i = 0; i < 128; ++i) stored[i] = block.bits[i / 8] >> (i % 8) & 1;
  }

  static void unpack_scales(const Block& block, float* scales) { scales[0] = block.scale.value(); }

  static void quantize(const float* in, const float* weights, Block& block) {
    block.scale = nearest_half<Q1_0>(in, weights, {fit_binary_scale<128>(in, weights), 0.0f});
    for (int i = 0; i < 128; ++i) block.bits[i / 8] |= (in[i] < 0.0f ? 0 : 1) << (i % 8);
  }
};

}  // namespace linnet::formats
