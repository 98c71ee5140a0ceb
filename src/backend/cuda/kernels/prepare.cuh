#pragma once

#include "backend/cuda/kernels/quantise_block.cuh"

namespace linnet::cuda {

/// A warp a block of 32 inputs, 8 warps in a thread block.
__global__ void quantise_rows(const float* in, std::int64_t stride, std::int64_t rows,
                              QuantisedRows to) {
  wait_for_previous_kernel();
  const std::int64_t index = std::int64_t{blockIdx.x} * 8 + threadIdx.x / kWarp;
  if (index >= rows * to.blocks) return;
  const std::int64_t row = index / to.blocks, column = index % to.blocks * kBlock;
  quantise_block(in[row * stride + column + threadIdx.x % kWarp], index, to);
}

/// The largest magnitude of a row, by a thread block of 256; every thread gets it.
__device__ inline float largest_of_row(const float* from, std::int64_t columns) {
  __shared__ float largest_of[8];
  float largest = 0.0f;
  for (std::int64_t c = threadIdx.x; c < columns; c += 256) {
    largest = fmaxf(largest, fabsf(from[c]));
  }
  for (int mask = 16; mask > 0; mask /= 2) largest = fmaxf(largest, exchange(largest, mask));
  sync_block();  // what a call before left was read
  if (threadIdx.x % kWarp == 0) largest_of[threadIdx.x / kWarp] = largest;
  sync_block();
  for (int i = 0; i < 8; ++i) largest = fmaxf(largest, largest_of[i]);
  return largest;
}

/// Puts a row into binary16, times the power of two that brings `largest` near 2^13.
__device__ inline void halve_row(const float* from, std::int64_t columns, float largest,
                                 std::int64_t row, const HalfRows& to) {
  // The exponent's bits alone: largest = 2^(exponent - 127) * [1, 2).
  const int exponent = static_cast<int>(float_to_bits(largest) >> 23);
  const int shift = exponent == 0 || exponent == 255 ? 0 : 127 + 13 - exponent;
  const int kept = shift > 100 ? 100 : shift < -100 ? -100 : shift;
  const float factor = bits_to_float(static_cast<std::uint32_t>(127 + kept) << 23);
  for (std::int64_t c = threadIdx.x; c < to.columns; c += 256) {
    const int place = static_cast<int>(c % kFragmentInputs);
    const std::int64_t input = to.for_fragments ? c - place + fragment_input(place) : c;
    to.values[row * to.columns + c] = to_half(input < columns ? from[input] * factor : 0.0f);
  }
  if (threadIdx.x == 0) {
    to.inverses[row] = bits_to_float(static_cast<std::uint32_t>(127 - kept) << 23);
  }
}

/// Each row with its own power of two. A thread block of 256 a row.
__global__ void halve_rows(const float* in, std::int64_t stride, std::int64_t columns,
                           HalfRows to) {
  wait_for_previous_kernel();
  const std::int64_t row = blockIdx.x;
  const float* from = in + row * stride;
  halve_row(from, columns, largest_of_row(from, columns), row, to);
}

/// largest[row]. A thread block of 256 a row.
__global__ void find_largest(const float* in, std::int64_t stride, std::int64_t columns,
                             float* largest) {
  wait_for_previous_kernel();
  const float found = largest_of_row(in + blockIdx.x * stride, columns);
  if (threadIdx.x == 0) largest[blockIdx.x] = found;
}

/// All rows with the same power of two. A thread block of 256 a row.
__global__ void halve_rows_evenly(const float* in, std::int64_t stride, std::int64_t columns,
                                  const float* largest, HalfRows to) {
  wait_for_previous_kernel();
  const std::int64_t row = blockIdx.x;
  halve_row(in + row * stride, columns, largest_of_row(largest, gridDim.x), row, to);
}

}  // namespace linnet::cuda
