#pragma once

#include "backend/cuda/kernels/products.cuh"

namespace linnet::cuda {

/// Puts block `index` (row * blocks + block) in its place; `value` is that of each lane of a warp.
__device__ inline void quantise_block(float value, std::int64_t index, const QuantisedRows& to) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  float largest = fabsf(value);
  for (int mask = 16; mask > 0; mask /= 2) largest = fmaxf(largest, exchange(largest, mask));
  const float inverse = largest > 0.0f ? 32512.0f / largest : 0.0f;  // 127 * 256
  const int code = static_cast<int>(rintf(value * inverse));
  const int high = (code + 128) >> 8;
  auto* bytes = reinterpret_cast<std::int8_t*>(to.codes + index * 16);
  bytes[lane] = static_cast<std::int8_t>(high);
  bytes[kBlock + lane] = static_cast<std::int8_t>(code - 256 * high);
  int sum = code;
  for (int mask = 8; mask > 0; mask /= 2) sum += exchange(sum, mask);
  if (lane % 16 == 0) to.sums[index * 2 + lane / 16] = sum;
  if (lane == 0) to.scales[index] = largest / 32512.0f;
}

}  // namespace linnet::cuda
