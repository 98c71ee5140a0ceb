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
inline std::int32_t page_ahead(const AttentionTask& task, std::int32_t page) {
  const std::int32_t ahead = page + kScorePages;
  return task.pages[ahead < static_cast<std::int32_t>(task.pages.size()) ? ahead : page];
}

/// `count` numbers of 16 bits as floats, a multiple of 32. Asks for as many at `ahead`.
template <class S, KvType kType>
void unpack_halves(const std::uint8_t* from, const std::uint8_t* ahead, std::int64_t count,
                   float* out) {
  const auto* halves = reinterpret_cast<const std::uint16_t*>(from);
  for (std::int64_t i = 0; i < count; i += 16) {
    if (i % 32 == 0) __builtin_prefetch(ahead + 2 * i);
    S::store(out + i,
             kType == KvType::kF16 ? S::load_half(halves + i) : S::load_bfloat16(halves + i));
  }
}

/// `count` numbers without scales of a page as floats: where they stand if they are floats, else in
/// `out`.
template <class S>
const float* unpack_numbers(KvType type, const std::uint8_t* from, const std::uint8_t* ahead,
                            std::int64_t count, float* out) {
  if (type == KvType::kF32) return reinterpret_cast<const float*>(from);
  if (type == KvType::kF16) {
    unpack_halves<S, KvType::kF16>(from, ahead, count, out);
  } else {
    unpack_halves<S, KvType::kBf16>(from, ahead, count, out);
  }
  return out;
}

/// The keys of a page, [key_width][32 positions].
template <class S>
const float* unpack_keys(const PagedKvStore& store, const AttentionParams& params,
                         const AttentionTask& task, std::int32_t page, float* out) {
  const int width = params.key_width;
  const std::uint8_t* keys = store.keys(params.layer, task.pages[page], task.kv_head);
  const auto* ahead = store.keys(params.layer, page_ahead(task, page), task.kv_head);
  if (store.type() != KvType::kQ8_0) {
    return unpack_numbers<S>(store.type(), keys, ahead, std::int64_t{kPageTokens} * width, out);
  }
  const auto* codes = reinterpret_cast<const std::int8_t*>(keys);
  const auto* scales = reinterpret_cast<const float*>(keys + std::int64_t{kPageTokens} * width);
  for (int d = 0; d < width; ++d) {
    __builtin_prefetch(ahead + d * kPageTokens);
    for (int half = 0; half < kPageTokens; half += 16) {
      const auto scale = S::load(scales + d / 32 * kPageTokens + half);
      const int at = d * kPageTokens + half;
      S::store(out + at, S::mul(S::load_int8(codes + at), scale));
    }
  }
  return out;
}

/// The values of a page, [32 positions][width].
struct PageValues {
  const float* values;
  int width;
};

template <class S>
PageValues unpack_values(const PagedKvStore& store, const AttentionParams& params,
                         const AttentionTask& task, std::int32_t page, float* out) {
  const int width = PagedKvStore::padded(params.value_width);
  const std::uint8_t* values = store.values(params.layer, task.pages[page], task.kv_head);
  const auto* ahead = store.values(params.layer, page_ahead(task, page), task.kv_head);
  if (store.type() != KvType::kQ8_0) {
    const std::int64_t count = std::int64_t{kPageTokens} * width;
    return {unpack_numbers<S>(store.type(), values, ahead, count, out), width};
  }
  const auto* codes = reinterpret_cast<const std::int8_t*>(values);
  const auto* scales = reinterpret_cast<const float*>(values + std::int64_t{kPageTokens} * width);
  for (int i = 0; i < kPageTokens; ++i) {
    for (int c = 0; c < width; c += 16) {
      __builtin_prefetch(ahead + i * width + c);
      const auto scale = S::set(scales[c / 32 * kPageTokens + i]);
      const int at = i * width + c;
      S::store(out + at, S::mul(S::load_int8(codes + at), scale));
    }
  }
  return {out, width};
}

/// scores[row][32] = scale * query * keys, over the columns in order.
template <class S>
struct ScoreTile {
  const AttentionParams& params;
  const QueryRow* rows;
  const float* keys;
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
      const auto low = S::load(keys + d * kPageTokens);
      const auto high = S::load(keys + d * kPageTokens + 16);
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
template <class S>
struct ValueTile {
  const PageValues& page;
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
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        values[v] = S::load(page.values + key * page.width + column + 16 * v);
      }
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
