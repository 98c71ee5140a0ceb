#pragma once

#include <algorithm>

#include "backend/cpu/kernels/kernels.hpp"
#include "backend/cpu/kernels/math.hpp"

// Included inside a region that is compiled for an instruction set: see isa_*.cpp.

namespace linnet::cpu {

/// Blocks whose values are all smaller count as 0: the inverse of their scale would be infinite.
inline constexpr float kLeastLargest = 1e-36f, kLeastLargestInt16 = 1e-34f;

/// For each block of a panel its scale, largest magnitude / 127, and the inverse of it, 0 if all
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

/// The sum of 16 codes, which is exact; 0 for NaN.
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
/// with NaN, as overflows give, or infinite has no scale that is one, so that no
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
  // Not at once: vectors that are read just after the single stores that fill them wait for all
  // stores before.
  for (std::int64_t first = 0; first < activations.columns; first += kPanel) {
    finish_panel<S>(activations.panel(first / kPanel, row));
  }
}

/// A block of a row as 16-bit codes: x * 8191 / largest, rounded. What is NaN, or infinite,
/// leaves no scale that is one, as in quantise_row().
template <class S>
void quantise_block_int16(const float* x, std::int16_t* codes, float& scale) {
  constexpr auto kLargest = static_cast<float>(kLargestInt16);
  const auto low = S::load(x), high = S::load(x + 16);
  const float largest = S::max_lanes(S::max(S::abs(low), S::abs(high)));
  const auto inverse = S::set(largest > kLeastLargestInt16 ? kLargest / largest : 0.0f);
  auto low_codes = S::round(S::mul(low, inverse));
  auto high_codes = S::round(S::mul(high, inverse));
  const float sum = S::sum_lanes(S::add(low_codes, high_codes));
  const bool are_numbers = sum == sum;
  if (!are_numbers) low_codes = high_codes = S::set(0.0f);
  S::store_int16(codes, low_codes);
  S::store_int16(codes + 16, high_codes);
  scale = are_numbers ? largest / kLargest : sum;
}

/// Kernels::quantise_row_int16.
template <class S>
void quantise_row_int16(const Activations& activations, std::int64_t row) {
  const float* x = activations.values + row * activations.stride;
  for (std::int64_t first = 0; first < activations.columns; first += kBlock) {
    Int16Panel& panel = activations.int16_panel(first / kPanel, row);
    const std::int64_t in_panel = first % kPanel, rest = activations.columns - first;
    std::int16_t* codes = panel.codes + in_panel;
    float& scale = panel.scales[in_panel / kBlock];
    if (rest >= kBlock) {
      quantise_block_int16<S>(x + first, codes, scale);
    } else {
      float some[kBlock] = {};
      for (std::int64_t i = 0; i < rest; ++i) some[i] = x[first + i];
      quantise_block_int16<S>(some, codes, scale);
    }
  }
}

}  // namespace linnet::cpu
