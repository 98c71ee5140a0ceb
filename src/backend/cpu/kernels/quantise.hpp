#pragma once

#include "backend/cpu/kernels/kernels.hpp"
#include "backend/cpu/kernels/math.hpp"

// Included inside a region that is compiled for an instruction set: see isa_*.cpp.

namespace linnet::cpu {

/// A row in 8 bits: code = x * 127 / largest, rounded, with the largest of a block of 32. The sums
/// of the last panel's blocks beyond the row are 0: tiles read those of whole panels.
template <class S>
void quantise_row(const Activations& activations, std::int64_t row) {
  const float* x = activations.values + row * activations.stride;
  const std::int64_t blocks = activations.columns / kBlock;
  for (std::int64_t block = 0; block < blocks; ++block, x += kBlock) {
    const std::int64_t panel = block / kPanelBlocks, in_panel = block % kPanelBlocks;
    std::int8_t* codes = activations.codes_at(panel, row) + kBlock * in_panel;
    std::int32_t* sums = activations.sums_at(panel, row) + 2 * in_panel;
    const auto low = S::load(x);
    const auto high = S::load(x + 16);
    const float largest = S::max_lanes(S::max(S::abs(low), S::abs(high)));
    const auto inverse = S::set(largest > 0.0f ? 127.0f / largest : 0.0f);
    activations.scales_at(panel, row)[in_panel] = largest / 127.0f;
    const auto low_codes = S::round(S::mul(low, inverse));
    const auto high_codes = S::round(S::mul(high, inverse));
    S::store_int8(codes, low_codes);
    S::store_int8(codes + 16, high_codes);
    sums[0] = static_cast<std::int32_t>(S::sum_lanes(low_codes));  // of integers: exact
    sums[1] = static_cast<std::int32_t>(S::sum_lanes(high_codes));
  }
  for (std::int64_t block = blocks; block % kPanelBlocks != 0; ++block) {
    std::int32_t* sums = activations.sums_at(block / kPanelBlocks, row);
    sums[2 * (block % kPanelBlocks)] = sums[2 * (block % kPanelBlocks) + 1] = 0;
  }
}

/// The nearest BF16 number as the upper half of a float, ties to even; NaNs stay NaNs.
template <class S>
std::uint32_t round_to_bfloat16(float x) {
  const auto bits = __builtin_bit_cast(std::uint32_t, x);
  const std::uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1);
  return (x == x ? rounded : bits | 0x400000) & 0xffff0000;
}

template <class S>
void round_row(const Activations& activations, std::int64_t row) {
  const std::int64_t columns = activations.columns;
  const float* x = activations.values + row * activations.stride;
  if constexpr (S::kHasBfloat16) {
    std::uint32_t* pairs = activations.pairs + row * activations.row_pairs();
    for (std::int64_t i = 0; i < columns / 2; ++i) {
      pairs[i] = round_to_bfloat16<S>(x[2 * i]) | round_to_bfloat16<S>(x[2 * i + 1]) >> 16;
    }
    if (columns % 2 != 0) pairs[columns / 2] = round_to_bfloat16<S>(x[columns - 1]);
  } else {
    float* rounded = activations.rounded + row * columns;
    for (std::int64_t i = 0; i < columns; ++i) {
      rounded[i] = __builtin_bit_cast(float, round_to_bfloat16<S>(x[i]));
    }
  }
}

}  // namespace linnet::cpu
