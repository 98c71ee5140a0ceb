#pragma once

#include "backend/backend.hpp"
#include "backend/cuda/kernels/weight_piece.cuh"

namespace linnet::cuda {

/// The outputs [first, first + outputs) of a weight in binary16, times its half_factor, as
/// [outputs][columns], columns a multiple of 64 with zeros at the end. A thread 32 inputs of one
/// output.
template <Codes kCodes>
__global__ void __launch_bounds__(256)
    weights_to_half(WeightsView w, std::int64_t first, std::int64_t outputs, std::int64_t columns,
                    std::uint16_t* to) {
  wait_for_previous_kernel();
  const std::int64_t blocks = columns / kBlock;
  const std::int64_t index = std::int64_t{blockIdx.x} * 256 + threadIdx.x;
  const std::int64_t output = index / blocks, column = index % blocks * kBlock;
  if (output >= outputs) return;
  WeightPiece<kCodes> piece;
  piece.read(w, first + output, column, true);
  piece.write(w, to + output * columns + column);
}

/// What a library's product is multiplied with, and what was there before.
__global__ void set_factors(const float* inverse, float scale, bool accumulate, float* factors) {
  wait_for_previous_kernel();
  factors[0] = scale * *inverse;
  factors[1] = accumulate ? 1.0f : 0.0f;
}

/// Grid: (columns / 256, rows, or as many as it may be).
__global__ void add_bias(const float* bias, View out) {
  wait_for_previous_kernel();
  const std::int64_t column = std::int64_t{blockIdx.x} * 256 + threadIdx.x;
  if (column >= out.columns) return;
  for (std::int64_t row = blockIdx.y; row < out.rows; row += gridDim.y) {
    out.data[row * out.stride + column] += bias[column];
  }
}

}  // namespace linnet::cuda
