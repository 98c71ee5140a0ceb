#pragma once

#include <algorithm>

#include "formats/block_format.hpp"
#include "formats/packing.hpp"
#include "formats/tables/codebooks.hpp"

namespace linnet::formats {

/// 4-bit floats, a power of two for 32 values (OCP Microscaling Formats 1.0): 4.25 bits a value.
struct MXFP4 : BlockFormat<TensorType::kMXFP4, 32, 32> {
  static constexpr std::string_view name = "MXFP4";
  static constexpr bool scales_fit_half = false;
  static constexpr bool has_codebook = true;
  static constexpr int code_bits = 4;
  static constexpr auto codebook = kE2m1Codebook;

  struct Block {
    std::uint8_t exponent;     // plus 127
    std::uint8_t nibbles[16];  // value i in the low half of byte i, value i + 16 in the high half
  };
  static_assert(sizeof(Block) == 17);

  static void unpack_stored(const Block& block, std::uint8_t* stored) {
    split_nibbles(block.nibbles, 16, stored);
  }

  static void unpack_scales(const Block& block, float* scales) {
    scales[0] = std::ldexp(1.0f, block.exponent - 127 - 1);  // the codebook is doubled
  }

  static void quantize(const float* in, Block& block) {
    // The largest value keeps E2M1's largest exponent, 2.
    const float largest = std::fabs(extreme(in, 32));
    const bool empty = largest == 0.0f || !std::isfinite(largest);
    block.exponent = empty ? 0 : std::clamp(std::ilogb(largest) - 2 + 127, 0, 254);
    const double lost = put_codes(in, block);
    // From 7 to 8 it is cut off to 6: with the next exponent it is not, but others lose more. The
    // largest floats would become infinite.
    constexpr int kMostExponent = 251;
    if (block.exponent > kMostExponent ||
        !(largest > 7.0f * std::ldexp(1.0f, block.exponent - 127))) {
      return;
    }
    Block coarser{.exponent = static_cast<std::uint8_t>(block.exponent + 1), .nibbles = {}};
    if (put_codes(in, coarser) < lost) block = coarser;
  }

 private:
  // Returns the squares of what is lost.
  static double put_codes(const float* in, Block& block) {
    float scale;
    unpack_scales(block, &scale);
    std::uint8_t indices[32];
    double lost = 0.0;
    for (int i = 0; i < 32; ++i) {
      indices[i] = nearest_index(codebook, in[i] / scale);
      const double difference = double{in[i]} - double{scale} * codebook[indices[i]];
      lost += difference * difference;
    }
    join_nibbles(indices, 16, block.nibbles);
    return lost;
  }
};

}  // namespace linnet::formats
