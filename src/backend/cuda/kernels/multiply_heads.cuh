#pragma once

#include "backend/backend.hpp"
#include "backend/cuda/kernels/unpack.cuh"

namespace linnet::cuda {

/// Weights of heads, all of one layout and size: head h's lies at bases[h] as the first one's at
/// bases[0].
struct HeadWeights {
  static constexpr int kMost = 64;
  WeightsView first;
  const std::uint8_t* bases[kMost] = {};

  __device__ WeightsView of(int head) const {
    WeightsView w = first;
    const std::ptrdiff_t behind = bases[head] - bases[0];
    w.low += behind;
    w.high += behind;
    w.scales += behind;
    w.supers += behind / 2;
    return w;
  }
};

inline constexpr int kHeadWarps = 8;

/// out head h = in head h * weight h^T: heads lie in_step and out_step columns apart. The weights
/// are small, so a warp takes an output and reads value by value. Grid: (outputs / kHeadWarps,
/// heads, rows).
template <Codes kCodes>
__global__ void __launch_bounds__(kHeadWarps* kWarp)
    multiply_heads(const __grid_constant__ HeadWeights weights, View in, std::int64_t in_step,
                   View out, std::int64_t out_step) {
  wait_for_previous_kernel();
  const WeightsView w = weights.of(static_cast<int>(blockIdx.y));
  const std::int64_t output = std::int64_t{blockIdx.x} * kHeadWarps + threadIdx.x / kWarp;
  if (output >= w.rows) return;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const float* x = in.data + blockIdx.z * in.stride + blockIdx.y * in_step;
  float sum = 0.0f;
#pragma unroll 4
  for (std::int64_t c = lane; c < w.columns; c += kWarp) {
    sum += read_value<kCodes>(w, output, c) * x[c];
  }
  for (int mask = 16; mask > 0; mask /= 2) sum += exchange(sum, mask);
  if (lane == 0) out.data[blockIdx.z * out.stride + blockIdx.y * out_step + output] = sum;
}

}  // namespace linnet::cuda
