#pragma once

#include "backend/cuda/device.cuh"

namespace linnet::cuda {

/// The sum over the lanes in front of this one, and over all of them.
__device__ inline std::int32_t sum_before(std::int32_t own, std::int32_t& all) {
  std::int32_t before = 0;
  all = own;
  for (int mask = 1; mask < kWarp; mask *= 2) {
    const std::int32_t other = exchange(all, mask);
    if (threadIdx.x & mask) before += other;
    all += other;
  }
  return before;
}

/// The sum over the threads of a block of at most 1024; every thread gets it.
__device__ inline float sum_of_block(float value) {
  __shared__ float sums[kWarp];
  for (int mask = 16; mask > 0; mask /= 2) value += exchange(value, mask);
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  if (warps == 1) return value;
  sync_block();  // the sums of a call before have been read
  if (threadIdx.x % kWarp == 0) sums[threadIdx.x / kWarp] = value;
  sync_block();
  float sum = 0.0f;
  for (int i = 0; i < warps; ++i) sum += sums[i];
  return sum;
}

}  // namespace linnet::cuda
