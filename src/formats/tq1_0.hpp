#pragma once

#include "formats/block_format.hpp"
#include "formats/ternary.hpp"

namespace linnet::formats {

/// Ternary values, five a byte, one scale for 256 values: 1.6875 bits a value.
struct TQ1_0 : BlockFormat<TensorType::kTQ1_0, 256, 256> {
  static constexpr std::string_view name = "TQ1_0";
  static constexpr int code_bits = 2;
  static constexpr int code_min = -1;
  static constexpr int code_max = 1;

  // A byte b stands for the fraction b / 256, whose base-3 digits are the values plus 1. Value i of
  // the first 160 is digit i / 32 of byte i % 32; of the next 80, digit i / 16 of byte 32 + i % 16;
  // of the last 16, digit i / 4 of last[i % 4].
  struct Block {
    std::uint8_t bytes[48];
    std::uint8_t last[4];
    PackedHalf scale;
  };
  static_assert(sizeof(Block) == 54);

  static void unpack_stored(const Block& block, std::uint8_t* stored) {
    unpack_digits(block.bytes, 32, 5, stored);
    unpack_digits(block.bytes + 32, 16, 5, stored + 160);
    unpack_digits(block.last, 4, 4, stored + 240);
  }

  static void unpack_scales(const Block& block, float* scales) { scales[0] = block.scale.value(); }

  static void quantize(const float* in, const float* weights, Block& block) {
    std::uint8_t stored[block_elements];
    block.scale = put_ternary<TQ1_0>(in, weights, stored);
    pack_digits(stored, 32, 5, block.bytes);
    pack_digits(stored + 160, 16, 5, block.bytes + 32);
    pack_digits(stored + 240, 4, 4, block.last);
  }

 private:
  static void unpack_digits(const std::uint8_t* bytes, int count, int digits,
                            std::uint8_t* stored) {
    for (int i = 0; i < count; ++i) {
      std::uint8_t fraction = bytes[i];
      for (int digit = 0; digit < digits; ++digit) {
        const int tripled = fraction * 3;
        stored[digit * count + i] = static_cast<std::uint8_t>(tripled >> 8);
        fraction = static_cast<std::uint8_t>(tripled);
      }
    }
  }

  // To the least byte that reads as the digits: one less would read as those before.
  static void pack_digits(const std::uint8_t* stored, int count, int digits, std::uint8_t* bytes) {
    for (int i = 0; i < count; ++i) {
      int number = 0;
      for (int digit = 0; digit < 5; ++digit) {
        number = 3 * number + (digit < digits ? stored[digit * count + i] : 0);
      }
      bytes[i] = static_cast<std::uint8_t>((number * 256 + 242) / 243);
    }
  }
};

}  // namespace linnet::formats
