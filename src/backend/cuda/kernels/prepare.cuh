#pragma once

#include "backend/cuda/kernels/products.cuh"

namespace linnet::cuda {

/// A warp a block of 32 inputs, 8 warps in a thread block.
__global__ void quantise_rows(const float* in, std::int64_t stride, std::int64_t rows,
                              QuantisedRows to) {
  const std::int64_t index = std::int64_t{blockIdx.x} * 8 + threadIdx.x / kWarp;
  if (index >= rows * to.blocks) return;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const std::int64_t row = index / to.blocks, block = index % to.blocks;
  const float value = in[row * stride + block * kBlock + lane];
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

/// A thread block of 256 a row.
__global__ void halve_rows(const float* in, std::int64_t stride, std::int64_t columns,
                           HalfRows to) {
  __shared__ float largest_of[8];
  const std::int64_t row = blockIdx.x;
  const float* from = in + row * stride;
  float largest = 0.0f;
  for (std::int64_t c = threadIdx.x; c < columns; c += 256) {
    largest = fmaxf(largest, fabsf(from[c]));
  }
  for (int mask = 16; mask > 0; mask /= 2) largest = fmaxf(largest, exchange(largest, mask));
  if (threadIdx.x % kWarp == 0) largest_of[threadIdx.x / kWarp] = largest;
  sync_block();
  for (int i = 0; i < 8; ++i) largest = fmaxf(largest, largest_of[i]);
  // The exponent's bits alone: largest = 2^(exponent - 127) * [1, 2).
  const int exponent = static_cast<int>(float_to_bits(largest) >> 23);
  const int shift = exponent == 0 || exponent == 255 ? 0 : 127 + 13 - exponent;
  const int kept = shift > 100 ? 100 : shift < -100 ? -100 : shift;
  const float factor = bits_to_float(static_cast<std::uint32_t>(127 + kept) << 23);
  for (std::int64_t c = threadIdx.x; c < to.columns; c += 256) {
    to.values[row * to.columns + c] = to_half(c < columns ? from[c] * factor : 0.0f);
  }
  if (threadIdx.x == 0) {
    to.inverses[row] = bits_to_float(static_cast<std::uint32_t>(127 - kept) << 23);
  }
}

}  // namespace linnet::cuda
