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
inline constexpr float kNotANumber = std::numeric_limits<float>::quiet_NaN();

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

/// Adds the learned bias of the distances from a row to the keys of a page.
template <class S>
void add_distance_bias(const AttentionParams& params, const QueryRow& row, std::int32_t page,
                       float* scores) {
  const DistanceBias& bias = params.distance_bias;
  for (int i = 0; i < kPageTokens; ++i) {
    std::int32_t distance = page * kPageTokens + i - row.position;
    if (distance < -bias.reach) distance = -bias.reach;
    if (distance > bias.reach) distance = bias.reach;
    scores[i] += bias.values[bias.buckets[distance + bias.reach] * params.heads + row.head];
  }
}

/// Softcap and biases of a row's scores of a page, and minus infinity for what it does not see.
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
  if (params.distance_bias.values) add_distance_bias<S>(params, row, page, scores);
  const SeenKeys seen = seen_keys<S>(row, page);
  if (!seen.some) return;
  for (int i = 0; i < kPageTokens; ++i) {
    const bool sees = i >= seen.first && i < seen.last &&
                      (!row.selected || is_selected(row.selected, page * kPageTokens + i));
    if (!sees) scores[i] = -kInfinity;
  }
}

/// What row `index` has summed is corrected to a new largest score.
template <class S>
void raise_largest(float largest, int index, int width, const SoftmaxSums& sums) {
  float correction[16] = {sums.largest[index] - largest};
  sums.largest[index] = largest;
  if (correction[0] == -kInfinity) return;  // nothing was summed
  S::store(correction, exp<S>(S::load(correction)));
  sums.sum[index] *= correction[0];
  float* values = sums.values + index * width;
  for (int c = 0; c < width; c += 16) {
    S::store(values + c, S::mul(S::load(values + c), S::set(correction[0])));
  }
}

/// Scores of which none is above minus infinity: no key was seen yet, or some score is NaN,
/// and then neither is the result.
template <class S>
void weigh_none(float* scores, int index, const SoftmaxSums& sums) {
  bool has_others = false;
  for (int i = 0; i < kScoreKeys; ++i) {
    has_others |= scores[i] != -kInfinity;
    scores[i] = 0.0f;
  }
  if (has_others) sums.largest[index] = sums.sum[index] = kNotANumber;
}

/// Scores become weights exp(score - largest so far), 0 for keys that are not seen
/// (https://arxiv.org/abs/1805.02867).
template <class S>
void weigh_scores(float* scores, int index, int width, const SoftmaxSums& sums) {
  auto largest_here = S::load(scores);
  for (int i = 16; i < kScoreKeys; i += 16) {
    largest_here = S::max(largest_here, S::load(scores + i));
  }
  if (S::any_above(largest_here, sums.largest[index])) {
    raise_largest<S>(S::max_lanes(largest_here), index, width, sums);
  }
  if (sums.largest[index] == -kInfinity) return weigh_none<S>(scores, index, sums);
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

/// Adds weights * values of a page. Rows that see the same keys of it go together: all heads of a
/// token at least.
template <class S, class Values>
void add_page_values(const Values& values, const AttentionTask& task, std::int32_t page,
                     const float* weights, float* sums) {
  for (int r = 0, next; r < task.count; r = next) {
    const SeenKeys seen = seen_keys<S>(task.rows[r], page);
    for (next = r + 1; next < task.count; ++next) {
      const SeenKeys others = seen_keys<S>(task.rows[next], page);
      if (others.first != seen.first || others.last != seen.last) break;
    }
    if (seen.first == seen.last) continue;
    for_tiles<S::kAttentionRows>(
        next - r, ValueTile<S, Values>{values, seen.first, seen.last, weights + r * kScoreKeys,
                                       sums + r * values.width});
  }
}

/// Attention over pages of one type. A tile's rows read keys and values as they are stored; if
/// there are more of them, they are unpacked once for all tiles, as are values within keys.
template <class S, KvType kType>
struct PageAttention {
  const PagedKvStore& store;
  const AttentionParams& params;
  const AttentionTask& task;

  bool is_one_tile() const { return task.count <= S::kAttentionRows; }

  /// scores [row][kScoreKeys]
  void score(std::int32_t page, float* unpacked, float* scores) const {
    const StoredKeys<S, kType> keys(store, params, task, page);
    if (is_one_tile()) {
      return for_tiles<S::kAttentionRows>(
          task.count, ScoreTile<S, StoredKeys<S, kType>>{params, task.rows, keys, scores});
    }
    for_tiles<S::kAttentionRows>(
        task.count,
        ScoreTile<S, UnpackedKeys<S>>{
            params, task.rows, UnpackedKeys<S>::unpack(keys, params.key_width, unpacked), scores});
  }

  void add_values(std::int32_t page, float* unpacked, const float* weights, float* sums) const {
    if (params.values_in_keys) {
      const StoredKeys<S, kType> keys(store, params, task, page);
      return add_page_values<S>(UnpackedValues<S>::unpack(keys, params.value_width, unpacked), task,
                                page, weights, sums);
    }
    const StoredValues<S, kType> values(store, params, task, page);
    if (is_one_tile()) return add_page_values<S>(values, task, page, weights, sums);
    add_page_values<S>(UnpackedValues<S>::unpack(values, unpacked), task, page, weights, sums);
  }

  /// Kernels::attend: keys [begin, end), by blocks of kScoreKeys that begin at multiples of it.
  void attend(std::int32_t begin, std::int32_t end, const SoftmaxSums& sums) const {
    const int width = PagedKvStore::padded(params.value_width);
    alignas(64) float unpacked[kPageTokens * kWidestHead];
    alignas(64) float scores[kMostQueryRows * kScoreKeys];
    for (std::int32_t first = begin / kScoreKeys * kScoreKeys; first < end; first += kScoreKeys) {
      const std::int32_t page = first / kPageTokens;
      int pages = 0;
      for (; pages < kScorePages && (page + pages) * kPageTokens < end; ++pages) {
        score(page + pages, unpacked, scores + pages * kPageTokens);
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
        add_values(page + p, unpacked, scores + p * kPageTokens, sums.values);
      }
    }
  }
};

/// use(PageAttention) of the type that the store's pages have.
template <class S, class Use>
void with_page_attention(const PagedKvStore& store, const AttentionParams& params,
                         const AttentionTask& task, const Use& use) {
  switch (store.type()) {
    case KvType::kF32:
      return use(PageAttention<S, KvType::kF32>{store, params, task});
    case KvType::kF16:
      return use(PageAttention<S, KvType::kF16>{store, params, task});
    case KvType::kBf16:
      return use(PageAttention<S, KvType::kBf16>{store, params, task});
    case KvType::kQ8_0:
      return use(PageAttention<S, KvType::kQ8_0>{store, params, task});
    case KvType::kQ4_0:
      return use(PageAttention<S, KvType::kQ4_0>{store, params, task});
    case KvType::kF8:
      return;  // PagedKvStore::make refuses it
  }
}

// Function objects, because GCC does not compile lambdas for the region's instruction set.
struct Attend {
  std::int32_t begin, end;
  const SoftmaxSums& sums;
  template <class Attention>
  void operator()(const Attention& attention) const {
    attention.attend(begin, end, sums);
  }
};

struct ScorePage {
  std::int32_t page;
  float* scores;
  template <class Attention>
  void operator()(const Attention& attention) const {
    attention.score(page, /*unpacked=*/nullptr, scores);  // one row is one tile
  }
};

/// Kernels::attend.
template <class S>
void attend(const PagedKvStore& store, const AttentionParams& params, const AttentionTask& task,
            std::int32_t begin, std::int32_t end, const SoftmaxSums& sums) {
  const int width = PagedKvStore::padded(params.value_width);
  for (int r = 0; r < task.count; ++r) {
    sums.largest[r] = -kInfinity;
    sums.sum[r] = 0.0f;
    for (int c = 0; c < width; ++c) sums.values[r * width + c] = 0.0f;
  }
  with_page_attention<S>(store, params, task, Attend{begin, end, sums});
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
  with_page_attention<S>(store, params, task, ScorePage{page, scores});
}

}  // namespace linnet::cpu
