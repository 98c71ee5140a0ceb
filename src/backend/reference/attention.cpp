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

  const float* key(int layer, KeyPlace place) const {
    return store.key(layer, pages[place.page], place.slot) + kv_head * params.key_width;
  }
  const float* value(int layer, KeyPlace place) const {
    if (params.values_in_keys) return key(layer, place);
    return store.value(layer, pages[place.page], place.slot) + kv_head * params.value_width;
  }
};

// A key that a query sees.
struct SeenKey {
  double score;
  const float* value;
};

double dot(const float* a, const float* b, int width) {
  double sum = 0.0;
  for (int i = 0; i < width; ++i) sum += double{a[i]} * b[i];
  return sum;
}

double score(const Head& head, const float* query, std::int32_t key_position,
             std::int32_t query_position, int head_index) {
  const AttentionParams& params = head.params;
  const float* key = head.key(params.layer, key_place(key_position, 1));
  double sum = params.scale * dot(query, key, params.key_width);
  if (params.softcap > 0.0f) sum = params.softcap * std::tanh(sum / params.softcap);
  if (params.alibi_slopes) {
    const int distance = std::abs(key_position - query_position);
    sum -= params.alibi_slopes[head_index] * static_cast<float>(distance);
  }
  if (const DistanceBias& bias = params.distance_bias; bias.values) {
    const int distance = std::clamp(key_position - query_position, -bias.reach, bias.reach);
    sum += bias.values[bias.buckets[distance + bias.reach] * params.heads + head_index];
  }
  return sum;
}

std::vector<SeenKey> seen_keys(const Head& head, const float* query, KeyRange keys,
                               const std::uint32_t* selected, std::int32_t position, int index) {
  const AttentionParams& params = head.params;
  const CompressedKeys& compressed = params.compressed;
  std::vector<SeenKey> seen;
  for (std::int32_t k = keys.begin; k < keys.end; ++k) {
    if (selected && compressed.stride == 0 && !is_selected(selected, k)) continue;
    seen.push_back(
        {score(head, query, k, position, index), head.value(params.layer, key_place(k, 1))});
  }
  if (compressed.stride == 0) return seen;
  for (std::int32_t k = 0; k < compressed_keys(position, compressed.stride); ++k) {
    if (selected && !is_selected(selected, k)) continue;
    const KeyPlace place = compressed_place(k, compressed.stride);
    const float* key = head.key(compressed.layer, place);
    seen.push_back(
        {params.scale * dot(query, key, params.key_width), head.value(compressed.layer, place)});
  }
  return seen;
}

void attend(const Head& head, const float* query, KeyRange keys, const std::uint32_t* selected,
            std::int32_t position, int index, float* out) {
  const AttentionParams& params = head.params;
  const std::vector<SeenKey> seen = seen_keys(head, query, keys, selected, position, index);
  double largest =
      params.sinks ? double{params.sinks[index]} : -std::numeric_limits<double>::infinity();
  for (const SeenKey& key : seen) largest = std::max(largest, key.score);
  double sum = params.sinks ? std::exp(params.sinks[index] - largest) : 0.0;
  std::vector<double> result(params.value_width, 0.0);
  for (const SeenKey& key : seen) {
    const double weight = std::exp(key.score - largest);
    sum += weight;
    for (int i = 0; i < params.value_width; ++i) result[i] += weight * key.value[i];
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
             params.selected ? selection_.words(r, head.kv_head) : nullptr, position, h,
             out.row(r) + h * params.value_width);
    }
  }
}

void ReferenceBackend::select_keys(const KvStore& store, View queries, View weights,
                                   const SelectParams& params, const BatchLayout& batch) {
  const auto& plain = static_cast<const PlainKvStore&>(store);
  if (params.blocks.tokens > 0) return select_blocks(plain, queries, params, batch);
  selection_.reset(queries.rows, longest_pages(batch));
  for (std::int64_t r = 0; r < queries.rows; ++r) {
    const auto& pages = batch.page_tables[batch.sequences[r]];
    std::vector<float> scores;
    for (std::int32_t k = 0; k < compressed_keys(batch.positions[r], params.stride); ++k) {
      const KeyPlace place = compressed_place(k, params.stride);
      const float* key = plain.key(params.layer, pages[place.page], place.slot);
      double score = 0.0;
      for (int h = 0; h < params.heads; ++h) {
        const double sum = dot(queries.row(r) + h * params.width, key, params.width);
        score += std::max(sum, 0.0) * weights.row(r)[h];
      }
      scores.push_back(static_cast<float>(score));
    }
    if (params.picks_tokens) scores = token_scores(scores, params.stride, batch.positions[r] + 1);
    pick_keys(scores, params.most, selection_.words(r, 0));
  }
}

void ReferenceBackend::select_blocks(const PlainKvStore& store, View queries,
                                     const SelectParams& params, const BatchLayout& batch) {
  selection_.reset(queries.rows, longest_pages(batch), params.heads);
  for (std::int64_t r = 0; r < queries.rows; ++r) {
    const auto& pages = batch.page_tables[batch.sequences[r]];
    for (int h = 0; h < params.heads; ++h) {
      std::vector<float> scores;
      for (std::int32_t k = 0; k <= batch.positions[r]; ++k) {
        const KeyPlace place = key_place(k, 1);
        scores.push_back(static_cast<float>(
            dot(queries.row(r) + h * params.width,
                store.key(params.layer, pages[place.page], place.slot), params.width)));
      }
      pick_token_blocks(scores, params, selection_.words(r, h));
    }
  }
}

}  // namespace linnet::reference
