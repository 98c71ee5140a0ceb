#pragma once

#include <algorithm>

#include "backend/cpu/kernels/kernels.hpp"
#include "backend/cpu/kernels/math.hpp"

// Included inside a region that is compiled for an instruction set: see isa_*.cpp.

namespace linnet::cpu {

/// Blocks whose values are all smaller count as 0: the inverse of their scale would be infinite.
inline constexpr float kLeastLargest = 1e-36f;

/// For each block of a panel its scale, largest magnitude / 127, and the inverse of it, 0 where all
/// values are 0, or nearly so.
template <class S>
void scale_blocks(const float* x, std::int64_t blocks, float* scales, float* inverses) {
  float largest[kPanelBlocks] = {};
  for (std::int64_t b = 0; b < blocks; ++b, x += kBlock) {
    largest[b] = S::max_lanes(S::max(S::abs(S::load(x)), S::abs(S::load(x + 16))));
  }
  for (std::int64_t b = 0; b < kPanelBlocks; ++b) {
    scales[b] = largest[b] / 127.0f;
    inverses[b] = largest[b] > kLeastLargest ? 127.0f / largest[b] : 0.0f;
  }
}

/// The sum of 16 codes, which is exact; 0 for what is no number.
template <class S>
std::int32_t to_integer(float sum) {
  return sum >= -2048.0f && sum <= 2048.0f ? static_cast<std::int32_t>(sum) : 0;
}

/// What follows from the scales and half_sums.
template <class S>
void finish_panel(ActivationPanel& panel) {
  for (std::int64_t b = 0; b < kPanelBlocks; ++b) {
    panel.sums[b] = panel.half_sums[2 * b] + panel.half_sums[2 * b + 1];
    panel.shifts[b] = -panel.scales[b] * static_cast<float>(panel.sums[b]);
  }
  for (std::int64_t half = 0; half < 2 * kPanelBlocks; ++half) {
    panel.half_shifts[half] = -panel.scales[half / 2] * static_cast<float>(panel.half_sums[half]);
  }
}

/// A row in 8 bits: code = x * 127 / largest, rounded, with the largest of a block of 32. A block
/// with what is no number, as overflows give, or infinite has no scale that is one, so that no
/// product is. The sums of the last panel's blocks beyond the row are 0: tiles read those of whole
/// panels.
template <class S>
void quantise_row(const Activations& activations, std::int64_t row) {
  const float* x = activations.values + row * activations.stride;
  for (std::int64_t first = 0; first < activations.columns; first += kPanel) {
    ActivationPanel& panel = activations.panel(first / kPanel, row);
    const std::int64_t blocks = std::min(kPanel, activations.columns - first) / kBlock;
    float inverses[kPanelBlocks];
    scale_blocks<S>(x + first, blocks, panel.scales, inverses);
    for (std::int64_t half = 0; half < 2 * blocks; ++half) {
      const auto codes =
          S::round(S::mul(S::load(x + first + 16 * half), S::set(inverses[half / 2])));
      S::store_int8(panel.codes + 16 * half, codes);
      const float sum = S::sum_lanes(codes);
      panel.half_sums[half] = to_integer<S>(sum);
      if (sum != sum) panel.scales[half / 2] = sum;
    }
    for (std::int64_t half = 2 * blocks; half < 2 * kPanelBlocks; ++half) panel.half_sums[half] = 0;
  }
  // Not at once: vectors that are read just behind the single stores that fill them wait for all
  // stores before.
  for (std::int64_t first = 0; first < activations.columns; first += kPanel) {
    finish_panel<S>(activations.panel(first / kPanel, row));
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
