#pragma once

#include "backend/cuda/device.cuh"

namespace linnet::cuda {

/// Numbers of binary16 in [0.5, 1), because zeros are read and multiplied faster than others.
__global__ void fill_halves(std::uint16_t* to, std::int64_t count) {
  wait_for_previous_kernel();
  const std::int64_t threads = std::int64_t{gridDim.x} * blockDim.x;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count;
       i += threads) {
    const auto mixed = static_cast<std::uint32_t>(i) * 2654435761u;
    to[i] = static_cast<std::uint16_t>(0x3800u | mixed >> 22);
  }
}

/// Reads all lines once; what it stores only keeps the reads from being left out.
__global__ void read_lines(const uint4* from, std::int64_t count, std::uint32_t* found) {
  wait_for_previous_kernel();
  const std::int64_t threads = std::int64_t{gridDim.x} * blockDim.x;
  std::uint32_t all = 0;
#pragma unroll 8
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count;
       i += threads) {
    const uint4 line = from[i];
    all ^= line.x ^ line.y ^ line.z ^ line.w;
  }
  if (all == 0x12345678u) *found = all;
}

__global__ void set_numbers(float* to, float first, float second) {
  wait_for_previous_kernel();
  to[0] = first;
  to[1] = second;
}

}  // namespace linnet::cuda
