#pragma once

#include <limits>

#include "backend/cpu/kernels/kernels.hpp"
#include "backend/cpu/kernels/math.hpp"
#include "backend/cpu/kv_store.hpp"
#include "backend/key_selection.hpp"

namespace linnet::cpu {

/// The running softmax of one query head (https://arxiv.org/abs/1805.02867): largest score, sum of
/// exponentials, weighted sum of values.
template <class S>
struct RunningSoftmax {
  float largest;
  float sum;
};

template <class S>
typename S::Float load_kv(KvType type, const std::uint8_t* from, std::int64_t at) {
  if (type == KvType::kF32) return S::load(reinterpret_cast<const float*>(from) + at);
  if (type == KvType::kF16) return S::load_half(reinterpret_cast<const std::uint16_t*>(from) + at);
  return S::load_int8(reinterpret_cast<const std::int8_t*>(from) + at);
}

/// scores[32] = query * key of the page's 32 positions.
template <class S>
void score_page(const PagedKvStore& store, const AttentionParams& params, const std::uint8_t* keys,
                const float* query, float* scores) {
  const KvType type = store.type();
  const int width = params.key_width;
  const auto* scales =
      reinterpret_cast<const float*>(keys + std::int64_t{kPageTokens} * width);  // kQ8_0 only
  for (int half = 0; half < kPageTokens; half += 16) {
    auto total = S::set(0.0f);
    for (int first = 0; first < width; first += 32) {
      const int last = first + 32 < width ? first + 32 : width;
      auto sum = S::set(0.0f);
      for (int d = first; d < last; ++d) {
        sum = S::fma(load_kv<S>(type, keys, std::int64_t{d} * kPageTokens + half), S::set(query[d]),
                     sum);
      }
      total = type == KvType::kQ8_0
                  ? S::fma(sum, S::load(scales + first / 32 * kPageTokens + half), total)
                  : S::add(total, sum);
    }
    S::store(scores + half, S::mul(total, S::set(params.scale)));
  }
}

inline bool is_visible(const HeadTask& task, std::int32_t key) {
  return key >= task.begin && key < task.end && (!task.selected || is_selected(task.selected, key));
}

/// Softcap, ALiBi, and what the query does not see.
template <class S>
void adjust_scores(const AttentionParams& params, const HeadTask& task, int head,
                   std::int32_t first_key, float* scores) {
  if (params.softcap > 0.0f) {
    for (int half = 0; half < kPageTokens; half += 16) {
      const auto inner = S::div(S::load(scores + half), S::set(params.softcap));
      S::store(scores + half, S::mul(tanh<S>(inner), S::set(params.softcap)));
    }
  }
  for (int i = 0; i < kPageTokens; ++i) {
    const std::int32_t key = first_key + i;
    if (params.alibi_slopes) {
      scores[i] += params.alibi_slopes[head] * static_cast<float>(key - task.position);
    }
    if (!is_visible(task, key)) scores[i] = -std::numeric_limits<float>::infinity();
  }
}

/// out = out * correction + sum over the page's positions of weight * value, in their order.
template <class S>
void add_values(const PagedKvStore& store, const AttentionParams& params,
                const std::uint8_t* values, const float* weights, float correction, int first,
                int last, float* out) {
  const KvType type = store.type();
  const int width = PagedKvStore::padded(params.value_width);
  const auto* scales =
      reinterpret_cast<const float*>(values + std::int64_t{kPageTokens} * width);  // kQ8_0 only
  for (int c = 0; c < width; c += 16) {
    auto sum = S::mul(S::load(out + c), S::set(correction));
    for (int i = first; i < last; ++i) {
      float weight = weights[i];
      if (type == KvType::kQ8_0) weight *= scales[c / 32 * kPageTokens + i];
      sum = S::fma(load_kv<S>(type, values, std::int64_t{i} * width + c), S::set(weight), sum);
    }
    S::store(out + c, sum);
  }
}

/// One query head over one page.
template <class S>
void attend_page(const PagedKvStore& store, const AttentionParams& params, const HeadTask& task,
                 int index, std::int32_t page, RunningSoftmax<S>& softmax, float* sums) {
  float scores[kPageTokens];
  const std::int32_t first_key = page * kPageTokens;
  const std::int32_t id = task.pages[page];
  score_page<S>(store, params, store.keys(params.layer, id, task.kv_head),
                task.queries + index * params.key_width, scores);
  adjust_scores<S>(params, task, task.first_head + index, first_key, scores);

  const float largest_here = max_lanes<S>(S::max(S::load(scores), S::load(scores + 16)));
  const float largest = softmax.largest > largest_here ? softmax.largest : largest_here;
  float change[16] = {softmax.largest - largest};
  S::store(change, exp<S>(S::load(change)));
  float weights[kPageTokens];
  auto total = S::set(0.0f);
  for (int half = 0; half < kPageTokens; half += 16) {
    S::store(weights + half, exp<S>(S::sub(S::load(scores + half), S::set(largest))));
    for (int i = half; i < half + 16; ++i) {
      weights[i] = is_visible(task, first_key + i) ? weights[i] : 0.0f;
    }
    total = S::add(total, S::load(weights + half));
  }
  softmax.sum = softmax.sum * change[0] + sum_lanes<S>(total);
  softmax.largest = largest;
  const int first = task.begin > first_key ? task.begin - first_key : 0;
  const int last = task.end - first_key < kPageTokens ? task.end - first_key : kPageTokens;
  add_values<S>(store, params, store.values(params.layer, id, task.kv_head), weights, change[0],
                first, last, sums);
}

/// The query heads of one KV head, page by page from the first visible key on; a page is used by
/// all heads while it is in the cache.
template <class S>
void attend(const PagedKvStore& store, const AttentionParams& params, const HeadTask& task) {
  constexpr int kMostHeads = 8;
  const int width = PagedKvStore::padded(params.value_width);
  for (int first = 0; first < task.count; first += kMostHeads) {
    const int count = task.count - first < kMostHeads ? task.count - first : kMostHeads;
    RunningSoftmax<S> softmax[kMostHeads];
    float sums[kMostHeads][kWidestValueHead];
    for (int h = 0; h < count; ++h) {
      const bool sink = params.sinks != nullptr;
      softmax[h].largest = sink ? params.sinks[task.first_head + first + h]
                                : -std::numeric_limits<float>::infinity();
      softmax[h].sum = sink ? 1.0f : 0.0f;
      for (int c = 0; c < width; ++c) sums[h][c] = 0.0f;
    }
    for (std::int32_t page = task.begin / kPageTokens; page * kPageTokens < task.end; ++page) {
      if (task.selected && task.selected[page] == 0) continue;
      for (int h = 0; h < count; ++h) {
        attend_page<S>(store, params, task, first + h, page, softmax[h], sums[h]);
      }
    }
    for (int h = 0; h < count; ++h) {
      float* out = task.out + (first + h) * params.value_width;
      for (int c = 0; c < params.value_width; ++c) out[c] = sums[h][c] / softmax[h].sum;
    }
  }
}

}  // namespace linnet::cpu
