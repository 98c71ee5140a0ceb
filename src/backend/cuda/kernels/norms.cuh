#pragma once

#include "backend/backend.hpp"
#include "backend/cuda/kernels/block_sum.cuh"
#include "backend/cuda/kernels/quantise_block.cuh"
#include "backend/cuda/kernels/row_to_half.cuh"

namespace linnet::cuda {

/// Threads that normalise a row, at most.
inline constexpr int kNormThreads = 512;

/// See NormParams: a thread block normalises `width` numbers, of which the first is column `offset`
/// of the parameters, and calls put(column, value) for each.
template <class Put>
__device__ inline void normalise_group(const float* x, const NormParams& params, std::int64_t width,
                                       std::int64_t offset, Put put) {
  float mean = 0.0f;
  if (params.kind == NormKind::kLayer) {
    for (std::int64_t c = threadIdx.x; c < width; c += blockDim.x) mean += x[c];
    mean = sum_of_block(mean) / static_cast<float>(width);
  }
  float squares = 0.0f;
  for (std::int64_t c = threadIdx.x; c < width; c += blockDim.x) {
    squares += (x[c] - mean) * (x[c] - mean);
  }
  squares = sum_of_block(squares);
  const float factor = params.kind == NormKind::kL2
                           ? 1.0f / fmaxf(sqrtf(squares), params.epsilon)
                           : 1.0f / sqrtf(squares / static_cast<float>(width) + params.epsilon);
  for (std::int64_t c = threadIdx.x; c < width; c += blockDim.x) {
    float value = (x[c] - mean) * factor;
    if (params.weight) value *= params.weight[offset + c];
    if (params.bias) value += params.bias[offset + c];
    put(c, value);
  }
}

/// Grid: (groups of columns, rows); whole warps. `ready` has codes only where a group is whole
/// blocks, and halves only where it is a row.
__global__ void __launch_bounds__(kNormThreads)
    normalise_rows(View in, NormParams params, std::int64_t width, View out, ReadyRows ready) {
  wait_for_previous_kernel();
  const std::int64_t first = blockIdx.x * width;
  const std::int64_t offset = params.weight_per_column ? first : 0;
  for (std::int64_t row = blockIdx.y; row < in.rows; row += gridDim.y) {
    float* to = out.data + row * out.stride + first;
    const float* x = in.data + row * in.stride + first;
    normalise_group(x, params, width, offset, [&](std::int64_t c, float value) {
      to[c] = value;
      if (ready.quantised.codes) {
        const std::int64_t block = row * ready.quantised.blocks + (first + c) / kBlock;
        quantise_block(value, block, ready.quantised);
      }
    });
    if (ready.halves.values) {
      sync_block();
      row_to_half(to, width, row, ready.halves);
    }
  }
}

}  // namespace linnet::cuda
