#pragma once

#include "backend/cpu/kernels/kernels.hpp"
#include "backend/cpu/kernels/math.hpp"

// Included inside a region that is compiled for an instruction set: see isa_*.cpp.

namespace linnet::cpu {

/// A row in 8 bits: code = x * 127 / largest, rounded, with the largest of a block of 32.
template <class S>
void quantise_row(const Activations& activations, std::int64_t row) {
  const float* x = activations.values + row * activations.stride;
  for (std::int64_t block = 0; block < activations.columns / kBlock; ++block, x += kBlock) {
    const std::int64_t panel = block / kPanelBlocks, in_panel = block % kPanelBlocks;
    std::int8_t* codes = activations.codes_at(panel, row) + kBlock * in_panel;
    std::int32_t* sums = activations.sums_at(panel, row) + 2 * in_panel;
    const auto low = S::load(x);
    const auto high = S::load(x + 16);
    const float largest = S::max_lanes(S::max(S::abs(low), S::abs(high)));
    const auto inverse = S::set(largest > 0.0f ? 127.0f / largest : 0.0f);
    activations.scales_at(panel, row)[in_panel] = largest / 127.0f;
    S::store_int8(codes, S::round(S::mul(low, inverse)));
    S::store_int8(codes + 16, S::round(S::mul(high, inverse)));
    for (int half = 0; half < 2; ++half) {
      std::int32_t sum = 0;
      for (int i = 0; i < 16; ++i) sum += codes[16 * half + i];
      sums[half] = sum;
    }
  }
}

}  // namespace linnet::cpu
