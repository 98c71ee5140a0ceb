#pragma once

#include "backend/cuda/kernels/activate.cuh"
#include "backend/cuda/kernels/block_sum.cuh"
#include "backend/cuda/kernels/quantise_block.cuh"
#include "backend/cuda/kernels/row_to_half.cuh"
#include "backend/cuda/kernels/unpack.cuh"

namespace linnet::cuda {

inline constexpr int kElementThreads = 256;
/// Threads of a block that takes a row.
inline constexpr int kRowThreads = 512;

/// Calls body(row, column) for every element. Grid: (columns / 256, rows, or as many as it may be).
template <class Body>
__global__ void __launch_bounds__(kElementThreads)
    for_elements(std::int64_t rows, std::int64_t columns, Body body) {
  wait_for_previous_kernel();
  const std::int64_t column = std::int64_t{blockIdx.x} * kElementThreads + threadIdx.x;
  if (column >= columns) return;
  for (std::int64_t row = blockIdx.y; row < rows; row += gridDim.y) body(row, column);
}

/// activation(gate) * up of one element; without `up`, the activation alone.
__device__ inline float activated(const View& gate, const View& up, Activation activation,
                                  std::int64_t row, std::int64_t column) {
  const float value = activate(activation, gate.data[row * gate.stride + column]);
  return up.data ? value * up_factor(activation, up.data[row * up.stride + column]) : value;
}

/// out = activation(gate) * up. Grid as for_elements; `quantised` has codes only where a row is
/// whole blocks.
__global__ void __launch_bounds__(kElementThreads)
    activate_rows(View gate, View up, Activation activation, View out, QuantisedRows quantised) {
  wait_for_previous_kernel();
  const std::int64_t c = std::int64_t{blockIdx.x} * kElementThreads + threadIdx.x;
  if (c >= gate.columns) return;
  for (std::int64_t r = blockIdx.y; r < gate.rows; r += gridDim.y) {
    const float value = activated(gate, up, activation, r, c);
    out.data[r * out.stride + c] = value;
    if (quantised.codes) quantise_block(value, r * quantised.blocks + c / kBlock, quantised);
  }
}

/// The same, and the halves of its result. A thread block a row.
__global__ void __launch_bounds__(kRowThreads)
    activate_to_half(View gate, View up, Activation activation, View out, HalfRows halves) {
  wait_for_previous_kernel();
  const std::int64_t row = blockIdx.x;
  float* to = out.data + row * out.stride;
  for (std::int64_t c = threadIdx.x; c < gate.columns; c += blockDim.x) {
    to[c] = activated(gate, up, activation, row, c);
  }
  sync_block();
  row_to_half(to, gate.columns, row, halves);
}

/// See cut_row_below. A thread block a row.
__global__ void cut_rows_below(View x, float deviations) {
  wait_for_previous_kernel();
  float* row = x.data + blockIdx.x * x.stride;
  const auto width = static_cast<float>(x.columns);
  float mean = 0.0f, variance = 0.0f;
  for (std::int64_t c = threadIdx.x; c < x.columns; c += blockDim.x) mean += row[c];
  mean = sum_of_block(mean) / width;
  for (std::int64_t c = threadIdx.x; c < x.columns; c += blockDim.x) {
    variance += (row[c] - mean) * (row[c] - mean);
  }
  variance = sum_of_block(variance) / fmaxf(width - 1.0f, 1.0f);
  const float cut = mean + deviations * sqrtf(variance);
  for (std::int64_t c = threadIdx.x; c < x.columns; c += blockDim.x) {
    row[c] = fmaxf(row[c] - cut, 0.0f);
  }
}

/// A warp a head. Grid: (heads, rows).
__global__ void dot_head_rows(View a, View b, const float* weight, View out) {
  wait_for_previous_kernel();
  const std::int64_t width = a.columns / out.columns, first = blockIdx.x * width;
  for (std::int64_t row = blockIdx.y; row < a.rows; row += gridDim.y) {
    float sum = 0.0f;
    for (std::int64_t c = first + threadIdx.x; c < first + width; c += kWarp) {
      sum += a.data[row * a.stride + c] * b.data[row * b.stride + c] * weight[c];
    }
    for (int mask = 16; mask > 0; mask /= 2) sum += exchange(sum, mask);
    if (threadIdx.x == 0) out.data[row * out.stride + blockIdx.x] = sum;
  }
}

/// Rows of a table, exactly as in the file. Grid: (blocks of 32, ids); a thread a value.
template <Codes kCodes>
__global__ void embed_codes(WeightsView w, const std::int32_t* ids, View out) {
  wait_for_previous_kernel();
  const std::int64_t row = ids[blockIdx.x];
  for (std::int64_t c = threadIdx.x; c < w.columns; c += blockDim.x) {
    out.data[blockIdx.x * out.stride + c] = read_value<kCodes>(w, row, c);
  }
}

template <Codes kCodes>
__global__ void embed_floats(WeightsView w, const std::int32_t* ids, View out) {
  wait_for_previous_kernel();
  const std::int64_t row = ids[blockIdx.x];
  for (std::int64_t c = threadIdx.x; c < w.columns; c += blockDim.x) {
    out.data[blockIdx.x * out.stride + c] = read_float<kCodes>(w.low, row * w.columns + c);
  }
}

}  // namespace linnet::cuda
