#pragma once

#include "backend/backend.hpp"
#include "backend/cuda/device.cuh"
#include "backend/cuda/kernels/read_words.cuh"

namespace linnet::cuda {

/// Values of Q8_0 keys and values that share a scale.
inline constexpr int kKvBlock = 32;

/// Columns of a value head that attention's kernels can sum.
inline constexpr int kWidestValueHead = 512;

/// Bytes of the keys (or values) of one head in one page: [slots][width] numbers; of kQ8_0 bytes,
/// then their scales in binary16, [slots][width / 32 rounded up]. A multiple of 16.
__host__ __device__ constexpr std::int64_t kv_page_bytes(KvType type, int width, int slots) {
  const std::int64_t values = std::int64_t{slots} * width;
  std::int64_t bytes = values;
  if (type == KvType::kF32) bytes = values * 4;
  if (type == KvType::kF16 || type == KvType::kBf16) bytes = values * 2;
  if (type == KvType::kQ8_0) bytes += std::int64_t{slots} * ((width + kKvBlock - 1) / kKvBlock) * 2;
  return (bytes + 15) / 16 * 16;
}

/// The pages of one layer: [page][head] pieces of kv_page_bytes. Values may be the first columns of
/// the keys: then their pages are those of the keys, and so is their width.
struct KvView {
  KvType type = KvType::kF16;
  int heads = 0, key_width = 0, value_width = 0;
  int stride = 1;           ///< tokens that a key stands for
  int slots = kPageTokens;  ///< keys in a page
  std::uint8_t* keys = nullptr;
  std::uint8_t* values = nullptr;

  void take_values_from_keys() {
    values = keys;
    value_width = key_width;
  }
  __device__ std::uint8_t* key_page(std::int64_t page, int head) const {
    return keys + (page * heads + head) * kv_page_bytes(type, key_width, slots);
  }
  __device__ std::uint8_t* value_page(std::int64_t page, int head) const {
    return values + (page * heads + head) * kv_page_bytes(type, value_width, slots);
  }
};

__device__ inline float kv_scale(const std::uint8_t* page, int width, int slot, int column,
                                 int slots) {
  const auto* scales = reinterpret_cast<const std::uint16_t*>(page + slots * width);
  return from_half(scales[slot * ((width + kKvBlock - 1) / kKvBlock) + column / kKvBlock]);
}

/// kCount numbers from column `column` on of one position, where `width` and `column` are multiples
/// of kCount, a power of two: whole lines.
template <KvType kType, int kCount>
__device__ inline void read_kv_line(const std::uint8_t* page, int width, int slot, int column,
                                    float (&to)[kCount], int slots = kPageTokens) {
  constexpr bool kIsByte = kType == KvType::kQ8_0 || kType == KvType::kF8;
  constexpr int kBytes = kType == KvType::kF32 ? 4 : kIsByte ? 1 : 2;
  static_assert(kCount <= kKvBlock && kCount * kBytes % 4 == 0);
  std::uint32_t words[kCount * kBytes / 4];
  read_words(page + (std::int64_t{slot} * width + column) * kBytes, words);
  const float scale = kType == KvType::kQ8_0 ? kv_scale(page, width, slot, column, slots) : 1.0f;
#pragma unroll
  for (int i = 0; i < kCount; ++i) {
    if constexpr (kType == KvType::kF32) {
      to[i] = bits_to_float(words[i]);
    } else if constexpr (kType == KvType::kF16) {
      to[i] = from_half(static_cast<std::uint16_t>(words[i / 2] >> (16 * (i % 2))));
    } else if constexpr (kType == KvType::kBf16) {
      to[i] = from_bfloat16(static_cast<std::uint16_t>(words[i / 2] >> (16 * (i % 2))));
    } else if constexpr (kType == KvType::kF8) {
      to[i] = from_e4m3(static_cast<std::uint8_t>(words[i / 4] >> (8 * (i % 4))));
    } else {
      to[i] = scale * static_cast<float>(static_cast<std::int8_t>(words[i / 4] >> (8 * (i % 4))));
    }
  }
}

/// The same for any width and column; numbers beyond `width` are zeros.
template <KvType kType, int kCount>
__device__ inline void read_kv(const std::uint8_t* page, int width, int slot, int column,
                               float (&to)[kCount], int slots = kPageTokens) {
#pragma unroll
  for (int i = 0; i < kCount; ++i) {
    to[i] = 0.0f;
    if (column + i >= width) continue;
    const std::int64_t at = std::int64_t{slot} * width + column + i;
    if constexpr (kType == KvType::kF32) {
      to[i] = reinterpret_cast<const float*>(page)[at];
    } else if constexpr (kType == KvType::kF16) {
      to[i] = from_half(reinterpret_cast<const std::uint16_t*>(page)[at]);
    } else if constexpr (kType == KvType::kBf16) {
      to[i] = from_bfloat16(reinterpret_cast<const std::uint16_t*>(page)[at]);
    } else if constexpr (kType == KvType::kF8) {
      to[i] = from_e4m3(page[at]);
    } else {
      to[i] = static_cast<float>(reinterpret_cast<const std::int8_t*>(page)[at]) *
              kv_scale(page, width, slot, column + i, slots);
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
