#pragma once

#include "backend/cpu/kernels/kernels.hpp"
#include "backend/cpu/kernels/tiles.hpp"
#include "backend/cpu/kv_store.hpp"

// Included inside a region that is compiled for an instruction set: see isa_*.cpp.

namespace linnet::cpu {

/// Keys between two corrections of a running softmax.
inline constexpr int kScoreKeys = 64;
inline constexpr int kScorePages = kScoreKeys / kPageTokens;

/// The page that is asked for while `page` is unpacked: pages lie too far apart for the hardware to
/// fetch them ahead.
template <class S>
std::int32_t page_ahead(const AttentionTask& task, std::int32_t page) {
  const std::int32_t ahead = page + kScorePages;
  return task.pages[ahead < static_cast<std::int32_t>(task.pages.size()) ? ahead : page];
}

/// Sixteen numbers of a page, from number `at` on, without their scales.
template <class S, KvType kType>
[[gnu::always_inline]] inline typename S::Float load_numbers(const std::uint8_t* numbers, int at) {
  if constexpr (kType == KvType::kF32) {
    return S::load(reinterpret_cast<const float*>(numbers) + at);
  } else if constexpr (kType == KvType::kF16) {
    return S::load_half(reinterpret_cast<const std::uint16_t*>(numbers) + at);
  } else if constexpr (kType == KvType::kBf16) {
    return S::load_bfloat16(reinterpret_cast<const std::uint16_t*>(numbers) + at);
  } else {
    return S::load_int8(reinterpret_cast<const std::int8_t*>(numbers) + at);
  }
}

/// Bytes of a number without its scale, or of two of kQ4_0.
template <KvType kType>
inline constexpr int kNumberBytes = kType == KvType::kQ8_0 || kType == KvType::kQ4_0
                                        ? 1
                                        : info_of(kType).block_bytes / 32;

/// The scales of quantised numbers.
template <KvType kType>
using StoredScale = std::conditional_t<kType == KvType::kQ4_0, std::uint16_t, float>;

/// Asks for the cache lines of `count` numbers from number `at` on.
template <KvType kType>
[[gnu::always_inline]] inline void prefetch_numbers(const std::uint8_t* numbers, int at,
                                                    int count) {
#pragma GCC unroll 2
  for (int line = 0; line < kNumberBytes<kType> * count; line += 64) {
    __builtin_prefetch(numbers + kNumberBytes<kType> * at + line);
  }
}

/// The keys of a page and KV head as they are stored, [key_width][32 positions].
template <class S, KvType kType>
struct StoredKeys {
  const std::uint8_t* numbers;
  const std::uint8_t* ahead;         ///< those of the page that comes after the next ones
  const StoredScale<kType>* scales;  ///< kQ8_0 and kQ4_0 only

  StoredKeys(const PagedKvStore& store, const AttentionParams& params, const AttentionTask& task,
             std::int32_t page)
      : numbers(store.keys(params.layer, task.pages[page], task.kv_head)),
        ahead(store.keys(params.layer, page_ahead<S>(task, page), task.kv_head)),
        scales(reinterpret_cast<const StoredScale<kType>*>(
            numbers + kPageTokens * PagedKvStore::key_columns(kType, params.key_width))) {}

  /// Column `d` of 16 positions.
  [[gnu::always_inline]] typename S::Float load(int d, int position) const {
    if constexpr (kType == KvType::kQ4_0) {
      const auto x = S::load_int4(numbers + d / 2 * kPageTokens + position, d % 2 * 4);
      return S::mul(x, S::load_bfloat16(scales + d / 32 * kPageTokens + position));
    } else {
      const auto x = load_numbers<S, kType>(numbers, d * kPageTokens + position);
      if constexpr (kType != KvType::kQ8_0) return x;
      return S::mul(x, S::load(scales + d / 32 * kPageTokens + position));
    }
  }
  [[gnu::always_inline]] void fetch_ahead(int d) const {
    if (kType == KvType::kQ4_0 && d % 2 != 0) return;
    prefetch_numbers<kType>(ahead, PagedKvStore::key_columns(kType, d) * kPageTokens, kPageTokens);
  }
};

/// The same as floats, for tiles that share them.
template <class S>
struct UnpackedKeys {
  const float* keys;

  template <KvType kType>
  static UnpackedKeys unpack(const StoredKeys<S, kType>& stored, int key_width, float* out) {
    for (int d = 0; d < key_width; ++d) {
      stored.fetch_ahead(d);
      S::store(out + d * kPageTokens, stored.load(d, 0));
      S::store(out + d * kPageTokens + 16, stored.load(d, 16));
    }
    return {out};
  }
  [[gnu::always_inline]] typename S::Float load(int d, int position) const {
    return S::load(keys + d * kPageTokens + position);
  }
  [[gnu::always_inline]] void fetch_ahead(int /*d*/) const {}
};

/// The values of a page and KV head as they are stored, [32 positions][width].
template <class S, KvType kType>
struct StoredValues {
  const std::uint8_t* numbers;
  const std::uint8_t* ahead;
  const StoredScale<kType>* scales;
  int width;

  StoredValues(const PagedKvStore& store, const AttentionParams& params, const AttentionTask& task,
               std::int32_t page)
      : numbers(store.values(params.layer, task.pages[page], task.kv_head)),
        ahead(store.values(params.layer, page_ahead<S>(task, page), task.kv_head)),
        scales(reinterpret_cast<const StoredScale<kType>*>(
            numbers + kPageTokens * row_columns(PagedKvStore::padded(params.value_width)))),
        width(PagedKvStore::padded(params.value_width)) {}

  /// What the columns of a position take, in numbers, or in bytes of kQ4_0.
  static int row_columns(int width) { return PagedKvStore::value_columns(kType, width); }

  /// Sixteen columns of a position.
  [[gnu::always_inline]] typename S::Float load(int position, int column) const {
    if constexpr (kType == KvType::kQ4_0) {
      const auto x =
          S::load_int4(numbers + position * row_columns(width) + column / 32 * 16, column % 32 / 4);
      return S::mul(x, S::set(bfloat16_to_float(scales[column / 32 * kPageTokens + position])));
    } else {
      const auto x = load_numbers<S, kType>(numbers, position * width + column);
      if constexpr (kType != KvType::kQ8_0) return x;
      return S::mul(x, S::set(scales[column / 32 * kPageTokens + position]));
    }
  }
  [[gnu::always_inline]] void fetch_ahead(int position, int column, int count) const {
    if constexpr (kType == KvType::kQ4_0) {
      prefetch_numbers<kType>(ahead, position * row_columns(width) + column / 2, count / 2);
    } else {
      prefetch_numbers<kType>(ahead, position * width + column, count);
    }
  }
};

template <class S>
struct UnpackedValues {
  const float* values;
  int width;

  template <KvType kType>
  static UnpackedValues unpack(const StoredValues<S, kType>& stored, float* out) {
    for (int position = 0; position < kPageTokens; ++position) {
      for (int c = 0; c < stored.width; c += 16) {
        stored.fetch_ahead(position, c, 16);
        S::store(out + position * stored.width + c, stored.load(position, c));
      }
    }
    return {out, stored.width};
  }
  /// For values that are the first `count` columns of the keys.
  template <KvType kType>
  static UnpackedValues unpack(const StoredKeys<S, kType>& keys, int count, float* out) {
    const int width = PagedKvStore::padded(count);
    for (int c = 0; c < width; c += 16) {
      for (int position = 0; position < kPageTokens; position += 16) {
        typename S::Float rows[16];
        for (int i = 0; i < 16; ++i) {
          rows[i] = c + i < count ? keys.load(c + i, position) : S::set(0.0f);
        }
        S::transpose(rows);
        for (int i = 0; i < 16; ++i) S::store(out + (position + i) * width + c, rows[i]);
      }
    }
    return {out, width};
  }
  [[gnu::always_inline]] typename S::Float load(int position, int column) const {
    return S::load(values + position * width + column);
  }
  [[gnu::always_inline]] void fetch_ahead(int /*position*/, int /*column*/, int /*count*/) const {}
};

/// scores[row][32] = scale * query * keys, over the columns in order.
template <class S, class Keys>
struct ScoreTile {
  const AttentionParams& params;
  const QueryRow* rows;
  Keys keys;
  float* scores;  ///< kScoreKeys from row to row

  template <int kRows>
  void operator()(std::int64_t first) const {
    typename S::Float sums[kRows][2];
    const float* queries[kRows];
#pragma GCC unroll 8
    for (int t = 0; t < kRows; ++t) {
      queries[t] = rows[first + t].query;
      sums[t][0] = sums[t][1] = S::set(0.0f);
    }
    for (int d = 0; d < params.key_width; ++d) {
      keys.fetch_ahead(d);
      const auto low = keys.load(d, 0);
      const auto high = keys.load(d, 16);
#pragma GCC unroll 8
      for (int t = 0; t < kRows; ++t) {
        const auto x = S::set(queries[t][d]);
        sums[t][0] = S::fma(low, x, sums[t][0]);
        sums[t][1] = S::fma(high, x, sums[t][1]);
      }
    }
    const auto scale = S::set(params.scale);
#pragma GCC unroll 8
    for (int t = 0; t < kRows; ++t) {
      S::store(scores + (first + t) * kScoreKeys, S::mul(sums[t][0], scale));
      S::store(scores + (first + t) * kScoreKeys + 16, S::mul(sums[t][1], scale));
    }
  }
};

/// sums[row][width] += weights[row][key] * values[key], over the keys [begin, end) in order.
template <class S, class Values>
struct ValueTile {
  Values page;
  int begin, end;
  const float* weights;  ///< kScoreKeys from row to row
  float* sums;

  template <int kRows>
  void operator()(std::int64_t first) const {
    int c = 0;
    for (; c + 32 <= page.width; c += 32) add_columns<kRows, 2>(first, c);
    if (c < page.width) add_columns<kRows, 1>(first, c);
  }

 private:
  template <int kRows, int kVectors>
  [[gnu::always_inline]] inline void add_columns(std::int64_t first, int column) const {
    typename S::Float total[kRows][kVectors];
#pragma GCC unroll 8
    for (int t = 0; t < kRows; ++t) {
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        total[t][v] = S::load(sums + (first + t) * page.width + column + 16 * v);
      }
    }
    for (int key = begin; key < end; ++key) {
      typename S::Float values[kVectors];
      page.fetch_ahead(key, column, 16 * kVectors);
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) values[v] = page.load(key, column + 16 * v);
#pragma GCC unroll 8
      for (int t = 0; t < kRows; ++t) {
        const auto weight = S::set(weights[(first + t) * kScoreKeys + key]);
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) total[t][v] = S::fma(values[v], weight, total[t][v]);
      }
    }
#pragma GCC unroll 8
    for (int t = 0; t < kRows; ++t) {
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        S::store(sums + (first + t) * page.width + column + 16 * v, total[t][v]);
      }
    }
  }
};

}  // namespace linnet::cpu
