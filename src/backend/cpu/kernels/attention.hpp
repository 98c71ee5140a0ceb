#pragma once

#include <limits>

#include "backend/cpu/kernels/attention_tiles.hpp"
#include "backend/cpu/kernels/kernels.hpp"
#include "backend/cpu/kernels/math.hpp"
#include "backend/cpu/kv_store.hpp"
#include "backend/key_selection.hpp"

// Included inside a region that is compiled for an instruction set: see isa_*.cpp.

namespace linnet::cpu {

inline constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// The keys of a page that a row sees: [first, last), and not all of them if `some`.
struct SeenKeys {
  int first, last;
  bool some;
};

template <class S>
SeenKeys seen_keys(const QueryRow& row, std::int32_t page) {
  const std::int32_t start = page * kPageTokens;
  const int first = row.begin > start ? row.begin - start : 0;
  const int last = row.end - start < kPageTokens ? row.end - start : kPageTokens;
  if (row.selected && row.selected[page] == 0) return {0, 0, true};
  return {first, last, first > 0 || last < kPageTokens || row.selected};
}

/// Softcap and ALiBi of a row's scores of a page, and minus infinity for what it does not see.
template <class S>
void adjust_scores(const AttentionParams& params, const QueryRow& row, std::int32_t page,
                   float* scores) {
  if (params.softcap > 0.0f) {
    for (int half = 0; half < kPageTokens; half += 16) {
      const auto inner = S::div(S::load(scores + half), S::set(params.softcap));
      S::store(scores + half, S::mul(tanh<S>(inner), S::set(params.softcap)));
    }
  }
  if (params.alibi_slopes) {
    for (int i = 0; i < kPageTokens; ++i) {
      const std::int32_t key = page * kPageTokens + i;
      const std::int32_t distance = key < row.position ? row.position - key : key - row.position;
      scores[i] -= params.alibi_slopes[row.head] * static_cast<float>(distance);
    }
  }
  const SeenKeys seen = seen_keys<S>(row, page);
  if (!seen.some) return;
  for (int i = 0; i < kPageTokens; ++i) {
    const bool sees = i >= seen.first && i < seen.last &&
                      (!row.selected || is_selected(row.selected, page * kPageTokens + i));
    if (!sees) scores[i] = -kInfinity;
  }
}

/// Scores become weights exp(score - largest so far), 0 for keys that are not seen; what was summed
/// before is corrected to the new largest score (https://arxiv.org/abs/1805.02867).
template <class S>
void weigh_scores(float* scores, int index, int width, const SoftmaxSums& sums) {
  auto largest_here = S::load(scores);
  for (int i = 16; i < kScoreKeys; i += 16) {
    largest_here = S::max(largest_here, S::load(scores + i));
  }
  const float highest = S::max_lanes(largest_here);
  if (highest == -kInfinity) {
    for (int i = 0; i < kScoreKeys; ++i) scores[i] = 0.0f;
    return;
  }
  if (highest > sums.largest[index]) {
    float correction[16] = {sums.largest[index] - highest};
    S::store(correction, exp<S>(S::load(correction)));
    sums.largest[index] = highest;
    sums.sum[index] *= correction[0];
    float* values = sums.values + index * width;
    for (int c = 0; c < width; c += 16) {
      S::store(values + c, S::mul(S::load(values + c), S::set(correction[0])));
    }
  }
  auto total = S::set(0.0f);
  for (int i = 0; i < kScoreKeys; i += 16) {
    const auto score = S::load(scores + i);
    const auto weight =
        S::zero_if_infinite(score, exp<S>(S::sub(score, S::set(sums.largest[index]))));
    S::store(scores + i, weight);
    total = S::add(total, weight);
  }
  sums.sum[index] += S::sum_lanes(total);
}

/// Adds weights * values of a page. Rows that see the whole page go together.
template <class S>
void add_page_values(const PageValues& values, const AttentionTask& task, std::int32_t page,
                     const float* weights, float* sums) {
  for (int r = 0; r < task.count;) {
    int whole = r;
    while (whole < task.count && !seen_keys<S>(task.rows[whole], page).some) ++whole;
    if (whole > r) {
      for_tiles<S::kAttentionRows>(
          whole - r,
          ValueTile<S>{values, 0, kPageTokens, weights + r * kScoreKeys, sums + r * values.width});
      r = whole;
      continue;
    }
    const SeenKeys seen = seen_keys<S>(task.rows[r], page);
    if (seen.first < seen.last) {
      for_tiles<1>(1, ValueTile<S>{values, seen.first, seen.last, weights + r * kScoreKeys,
                                   sums + r * values.width});
    }
    ++r;
  }
}

/// Kernels::attend: keys [begin, end), by blocks of kScoreKeys that begin at multiples of it.
template <class S>
void attend(const PagedKvStore& store, const AttentionParams& params, const AttentionTask& task,
            std::int32_t begin, std::int32_t end, const SoftmaxSums& sums) {
  const int width = PagedKvStore::padded(params.value_width);
  alignas(64) float unpacked[kPageTokens * kWidestHead];
  alignas(64) float scores[kMostQueryRows * kScoreKeys];
  for (int r = 0; r < task.count; ++r) {
    sums.largest[r] = -kInfinity;
    sums.sum[r] = 0.0f;
    for (int c = 0; c < width; ++c) sums.values[r * width + c] = 0.0f;
  }
  for (std::int32_t first = begin / kScoreKeys * kScoreKeys; first < end; first += kScoreKeys) {
    const std::int32_t page = first / kPageTokens;
    int pages = 0;
    for (; pages < kScorePages && (page + pages) * kPageTokens < end; ++pages) {
      const float* keys = unpack_keys<S>(store, params, task, page + pages, unpacked);
      for_tiles<S::kAttentionRows>(
          task.count, ScoreTile<S>{params, task.rows, keys, scores + pages * kPageTokens});
    }
    for (int r = 0; r < task.count; ++r) {
      float* row = scores + r * kScoreKeys;
      for (int p = 0; p < pages; ++p) {
        adjust_scores<S>(params, task.rows[r], page + p, row + p * kPageTokens);
      }
      for (int i = pages * kPageTokens; i < kScoreKeys; ++i) row[i] = -kInfinity;
      weigh_scores<S>(row, r, width, sums);
    }
    for (int p = 0; p < pages; ++p) {
      const PageValues values = unpack_values<S>(store, params, task, page + p, unpacked);
      add_page_values<S>(values, task, page + p, scores + p * kPageTokens, sums.values);
    }
  }
}

/// Kernels::merge_sums: adds what `part` has summed to `total`.
template <class S>
void merge_sums(const SoftmaxSums& part, int rows, int width, const SoftmaxSums& total) {
  for (int r = 0; r < rows; ++r) {
    if (part.largest[r] == -kInfinity) continue;
    const float largest = total.largest[r] > part.largest[r] ? total.largest[r] : part.largest[r];
    float factors[16] = {total.largest[r] - largest, part.largest[r] - largest};
    S::store(factors, exp<S>(S::load(factors)));
    total.largest[r] = largest;
    total.sum[r] = total.sum[r] * factors[0] + part.sum[r] * factors[1];
    for (int c = 0; c < width; c += 16) {
      float* to = total.values + r * width + c;
      const auto old = S::mul(S::load(to), S::set(factors[0]));
      S::store(to, S::fma(S::load(part.values + r * width + c), S::set(factors[1]), old));
    }
  }
}

/// Kernels::score_page.
template <class S>
void score_page(const PagedKvStore& store, const AttentionParams& params, const AttentionTask& task,
                std::int32_t page, float* scores) {
  alignas(64) float unpacked[kPageTokens * kWidestHead];
  const float* keys = unpack_keys<S>(store, params, task, page, unpacked);
  for_tiles<1>(task.count, ScoreTile<S>{params, task.rows, keys, scores});
}

}  // namespace linnet::cpu
