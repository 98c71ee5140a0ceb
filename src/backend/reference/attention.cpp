#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "backend/reference/reference_backend.hpp"
#include "backend/visible_keys.hpp"

namespace linnet::reference {
namespace {

// One query head against the keys of one KV head.
struct Head {
  const PlainKvStore& store;
  const AttentionParams& params;
  std::span<const std::int32_t> pages;
  int kv_head;

  const float* key(std::int32_t position) const {
    return store.key(params.layer, pages[position / kPageTokens], position % kPageTokens) +
           kv_head * params.key_width;
  }
  const float* value(std::int32_t position) const {
    return store.value(params.layer, pages[position / kPageTokens], position % kPageTokens) +
           kv_head * params.value_width;
  }
};

double score(const Head& head, const float* query, std::int32_t key_position,
             std::int32_t query_position, int head_index) {
  const AttentionParams& params = head.params;
  const float* key = head.key(key_position);
  double sum = 0.0;
  for (int i = 0; i < params.key_width; ++i) sum += double{query[i]} * key[i];
  sum *= params.scale;
  if (params.softcap > 0.0f) sum = params.softcap * std::tanh(sum / params.softcap);
  if (params.alibi_slopes) {
    sum -= params.alibi_slopes[head_index] * std::abs(key_position - query_position);
  }
  if (const DistanceBias& bias = params.distance_bias; bias.values) {
    const int distance = std::clamp(key_position - query_position, -bias.reach, bias.reach);
    sum += bias.values[bias.buckets[distance + bias.reach] * params.heads + head_index];
  }
  return sum;
}

void attend(const Head& head, const float* query, KeyRange keys, const std::uint32_t* selected,
            std::int32_t position, int index, float* out) {
  const AttentionParams& params = head.params;
  std::vector<double> scores;
  double largest =
      params.sinks ? double{params.sinks[index]} : -std::numeric_limits<double>::infinity();
  for (std::int32_t k = keys.begin; k < keys.end; ++k) {
    const bool seen = !selected || is_selected(selected, k);
    scores.push_back(seen ? score(head, query, k, position, index)
                          : -std::numeric_limits<double>::infinity());
    largest = std::max(largest, scores.back());
  }
  double sum = params.sinks ? std::exp(params.sinks[index] - largest) : 0.0;
  std::vector<double> result(params.value_width, 0.0);
  for (std::int32_t k = keys.begin; k < keys.end; ++k) {
    const double weight = std::exp(scores[k - keys.begin] - largest);
    sum += weight;
    const float* value = head.value(k);
    for (int i = 0; i < params.value_width; ++i) result[i] += weight * value[i];
  }
  for (int i = 0; i < params.value_width; ++i) out[i] = static_cast<float>(result[i] / sum);
}

}  // namespace

void ReferenceBackend::attention(const KvStore& store, View queries, const AttentionParams& params,
                                 const BatchLayout& batch, View out) {
  const auto& plain = static_cast<const PlainKvStore&>(store);
  for (std::int64_t r = 0; r < queries.rows; ++r) {
    const std::int32_t sequence = batch.sequences[r];
    const std::int32_t position = batch.positions[r];
    const KeyRange keys = visible_keys(params, position, batch.lengths[sequence]);
    for (int h = 0; h < params.heads; ++h) {
      const Head head{plain, params, batch.page_tables[sequence],
                      h * params.kv_heads / params.heads};
      attend(head, queries.row(r) + h * params.key_width, keys,
             params.selected ? selection_.words(r) : nullptr, position, h,
             out.row(r) + h * params.value_width);
    }
  }
}

void ReferenceBackend::select_keys(const KvStore& store, View queries, View weights,
                                   const SelectParams& params, const BatchLayout& batch) {
  const auto& plain = static_cast<const PlainKvStore&>(store);
  selection_.reset(queries.rows, longest_pages(batch));
  for (std::int64_t r = 0; r < queries.rows; ++r) {
    const auto& pages = batch.page_tables[batch.sequences[r]];
    std::vector<float> scores(static_cast<std::size_t>(batch.positions[r]) + 1);
    for (std::size_t k = 0; k < scores.size(); ++k) {
      const float* key = plain.key(params.layer, pages[k / kPageTokens], k % kPageTokens);
      double score = 0.0;
      for (int h = 0; h < params.heads; ++h) {
        double sum = 0.0;
        for (int i = 0; i < params.width; ++i) {
          sum += double{queries.row(r)[h * params.width + i]} * key[i];
        }
        score += std::max(sum, 0.0) * weights.row(r)[h];
      }
      scores[k] = static_cast<float>(score);
    }
    pick_keys(scores, params.most, selection_.words(r));
  }
}

}  // namespace linnet::reference
