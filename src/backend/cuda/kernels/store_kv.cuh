#pragma once

#include "backend/cuda/kernels/kv_view.cuh"

namespace linnet::cuda {

/// Puts a block of 32 numbers of one head in its place. One warp.
__device__ inline void store_kv_block(KvType type, std::uint8_t* page, int width, int slot,
                                      int first, const float* from) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int column = first + lane;
  const bool inside = column < width;
  const std::int64_t at = std::int64_t{slot} * width + column;
  const float value = inside ? from[column] : 0.0f;
  if (type == KvType::kF32) {
    if (inside) reinterpret_cast<float*>(page)[at] = value;
    return;
  }
  if (type == KvType::kF16) {
    if (inside) reinterpret_cast<std::uint16_t*>(page)[at] = to_half(value);
    return;
  }
  if (type == KvType::kBf16) {
    if (inside) reinterpret_cast<std::uint16_t*>(page)[at] = to_bfloat16(value);
    return;
  }
  if (type == KvType::kF8) {
    if (inside) page[at] = to_e4m3(value);
    return;
  }
  float largest = fabsf(value);
  for (int mask = 16; mask > 0; mask /= 2) largest = fmaxf(largest, exchange(largest, mask));
  const float inverse = largest > 0.0f ? 127.0f / largest : 0.0f;
  if (inside) page[at] = static_cast<std::uint8_t>(static_cast<int>(rintf(value * inverse)));
  if (lane == 0) {
    auto* scales = reinterpret_cast<std::uint16_t*>(page + kPageTokens * width);
    scales[slot * ((width + kKvBlock - 1) / kKvBlock) + first / kKvBlock] =
        to_half(largest / 127.0f);
  }
}

/// Grid: (rows, heads); 4 warps.
__global__ void store_kv_rows(KvView kv, const float* keys, std::int64_t key_stride,
                              const float* values, std::int64_t value_stride, DeviceBatch batch) {
  const std::int64_t row = blockIdx.x;
  const int head = static_cast<int>(blockIdx.y), warp = static_cast<int>(threadIdx.x) / kWarp;
  const std::int32_t position = batch.positions[row];
  const std::int64_t page =
      batch.tables[batch.sequences[row] * batch.table_pages + position / kPageTokens];
  const int slot = position % kPageTokens;
  for (int first = warp * kKvBlock; first < kv.key_width; first += 4 * kKvBlock) {
    store_kv_block(kv.type, kv.key_page(page, head), kv.key_width, slot, first,
                   keys + row * key_stride + head * kv.key_width);
  }
  for (int first = warp * kKvBlock; first < kv.value_width; first += 4 * kKvBlock) {
    store_kv_block(kv.type, kv.value_page(page, head), kv.value_width, slot, first,
                   values + row * value_stride + head * kv.value_width);
  }
}

}  // namespace linnet::cuda
