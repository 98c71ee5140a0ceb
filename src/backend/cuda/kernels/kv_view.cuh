#pragma once

#include "backend/backend.hpp"
#include "backend/cuda/device.cuh"

namespace linnet::cuda {

/// Values of Q8_0 keys and values that share a scale.
inline constexpr int kKvBlock = 32;

/// Columns of a value head that attention's kernels can sum.
inline constexpr int kWidestValueHead = 512;

/// Bytes of the keys (or values) of one head in one page: [kPageTokens][width] numbers; of kQ8_0
/// bytes, then their scales in binary16, [kPageTokens][width / 32 rounded up]. A multiple of 16.
__host__ __device__ constexpr std::int64_t kv_page_bytes(KvType type, int width) {
  const std::int64_t values = std::int64_t{kPageTokens} * width;
  if (type == KvType::kF32) return values * 4;
  if (type == KvType::kF16) return values * 2;
  return values + std::int64_t{kPageTokens} * ((width + kKvBlock - 1) / kKvBlock) * 2;
}

/// The pages of one layer: [page][head] pieces of kv_page_bytes.
struct KvView {
  KvType type = KvType::kF16;
  int heads = 0, key_width = 0, value_width = 0;
  std::uint8_t* keys = nullptr;
  std::uint8_t* values = nullptr;

  __device__ std::uint8_t* key_page(std::int64_t page, int head) const {
    return keys + (page * heads + head) * kv_page_bytes(type, key_width);
  }
  __device__ std::uint8_t* value_page(std::int64_t page, int head) const {
    return values + (page * heads + head) * kv_page_bytes(type, value_width);
  }
};

__device__ inline float kv_scale(const std::uint8_t* page, int width, int slot, int column) {
  const auto* scales = reinterpret_cast<const std::uint16_t*>(page + kPageTokens * width);
  return from_half(scales[slot * ((width + kKvBlock - 1) / kKvBlock) + column / kKvBlock]);
}

/// kCount numbers from column `column` on of one position; those beyond `width` are zeros.
template <int kCount>
__device__ inline void read_kv(KvType type, const std::uint8_t* page, int width, int slot,
                               int column, float (&to)[kCount]) {
  const std::int64_t at = std::int64_t{slot} * width + column;
  const bool whole = column + kCount <= width && width % kCount == 0;
  if (type == KvType::kF16 && whole) {
    alignas(16) std::uint16_t bits[kCount];
    if constexpr (kCount % 8 == 0) {
#pragma unroll
      for (int i = 0; i < kCount / 8; ++i) {
        reinterpret_cast<uint4*>(bits)[i] = reinterpret_cast<const uint4*>(page + 2 * at)[i];
      }
    } else if constexpr (kCount == 4) {
      *reinterpret_cast<uint2*>(bits) = *reinterpret_cast<const uint2*>(page + 2 * at);
    } else {
      for (int i = 0; i < kCount; ++i)
        bits[i] = reinterpret_cast<const std::uint16_t*>(page)[at + i];
    }
#pragma unroll
    for (int i = 0; i < kCount; ++i) to[i] = from_half(bits[i]);
    return;
  }
#pragma unroll
  for (int i = 0; i < kCount; ++i) {
    to[i] = 0.0f;
    if (column + i >= width) continue;
    if (type == KvType::kF32) {
      to[i] = reinterpret_cast<const float*>(page)[at + i];
    } else if (type == KvType::kF16) {
      to[i] = from_half(reinterpret_cast<const std::uint16_t*>(page)[at + i]);
    } else {
      to[i] = static_cast<float>(reinterpret_cast<const std::int8_t*>(page)[at + i]) *
              kv_scale(page, width, slot, column + i);
    }
  }
}

/// Where the rows of a batch stand; see BatchLayout. Tables are [sequences][table_pages].
struct DeviceBatch {
  const std::int32_t* positions = nullptr;
  const std::int32_t* sequences = nullptr;
  const std::int32_t* tables = nullptr;
  const std::int32_t* lengths = nullptr;
  std::int64_t table_pages = 0;
};

}  // namespace linnet::cuda
