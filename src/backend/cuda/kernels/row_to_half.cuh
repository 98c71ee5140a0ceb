#pragma once

#include "backend/cuda/kernels/products.cuh"

namespace linnet::cuda {

/// The largest magnitude of a row, by a thread block of whole warps; every thread gets it.
__device__ inline float largest_of_row(const float* from, std::int64_t columns) {
  __shared__ float largest_of[kWarp];
  float largest = 0.0f;
  for (std::int64_t c = threadIdx.x; c < columns; c += blockDim.x) {
    largest = fmaxf(largest, fabsf(from[c]));
  }
  for (int mask = 16; mask > 0; mask /= 2) largest = fmaxf(largest, exchange(largest, mask));
  sync_block();  // what a call before left was read
  if (threadIdx.x % kWarp == 0) largest_of[threadIdx.x / kWarp] = largest;
  sync_block();
  for (unsigned i = 0; i < blockDim.x / kWarp; ++i) largest = fmaxf(largest, largest_of[i]);
  return largest;
}

/// A power of two, and what undoes it.
struct PowerOfTwo {
  float value, inverse;
};

/// The one that brings `largest` near 2^13.
__device__ inline PowerOfTwo power_for_halves(float largest) {
  // The exponent's bits alone: largest = 2^(exponent - 127) * [1, 2).
  const int exponent = static_cast<int>(float_to_bits(largest) >> 23);
  const int shift = exponent == 0 || exponent == 255 ? 0 : 127 + 13 - exponent;
  const int kept = shift > 100 ? 100 : shift < -100 ? -100 : shift;
  return {bits_to_float(static_cast<std::uint32_t>(127 + kept) << 23),
          bits_to_float(static_cast<std::uint32_t>(127 - kept) << 23)};
}

/// Puts a row into binary16, times that power of two.
__device__ inline void row_to_half(const float* from, std::int64_t columns, float largest,
                                   std::int64_t row, const HalfRows& to) {
  const PowerOfTwo factor = power_for_halves(largest);
  for (std::int64_t c = threadIdx.x; c < to.columns; c += blockDim.x) {
    const int place = static_cast<int>(c % kFragmentInputs);
    const std::int64_t input = to.for_fragments ? c - place + fragment_input(place) : c;
    to.values[row * to.columns + c] = to_half(input < columns ? from[input] * factor.value : 0.0f);
  }
  if (threadIdx.x == 0) to.inverses[row] = factor.inverse;
}

/// The same by the row's own largest number.
__device__ inline void row_to_half(const float* from, std::int64_t columns, std::int64_t row,
                                   const HalfRows& to) {
  row_to_half(from, columns, largest_of_row(from, columns), row, to);
}

}  // namespace linnet::cuda
