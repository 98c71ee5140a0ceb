#pragma once

#include "backend/cuda/kernels/quantise_block.cuh"
#include "backend/cuda/kernels/row_to_half.cuh"

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

/// Each row with its own power of two. A thread block of 256 a row.
__global__ void rows_to_half(const float* in, std::int64_t stride, std::int64_t columns,
                             HalfRows to) {
  wait_for_previous_kernel();
  const std::int64_t row = blockIdx.x;
  row_to_half(in + row * stride, columns, row, to);
}

/// largest[row]. A thread block of 256 a row.
__global__ void find_largest(const float* in, std::int64_t stride, std::int64_t columns,
                             float* largest) {
  wait_for_previous_kernel();
  const float found = largest_of_row(in + blockIdx.x * stride, columns);
  if (threadIdx.x == 0) largest[blockIdx.x] = found;
}

/// All rows with the same power of two. A thread block of 256 a row.
__global__ void rows_to_half_evenly(const float* in, std::int64_t stride, std::int64_t columns,
                                    const float* largest, HalfRows to) {
  wait_for_previous_kernel();
  const std::int64_t row = blockIdx.x;
  row_to_half(in + row * stride, columns, largest_of_row(largest, gridDim.x), row, to);
}

}  // namespace linnet::cuda
