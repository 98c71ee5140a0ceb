#include "model/blocks/attention.hpp"

#include <algorithm>
#include <cmath>

#include "model/blocks/head_columns.hpp"
#include "model/blocks/normalise.hpp"
#include "model/blocks/project.hpp"

namespace linnet {
namespace {

struct Projected {
  View query, key, value;
};

enum class Heads { kAll, kKeysAndValues };

// Without queries, unless all are projected in one.
Projected project_heads(const Pass& pass, const AttentionSpec& spec,
                        const AttentionWeights& weights, View in, Heads heads = Heads::kAll) {
  const std::size_t first = heads == Heads::kAll || weights.fused ? 0 : 1;
  const int q = first == 0 ? query_columns(spec) : 0;
  const int k = key_columns(spec), v = value_columns(spec);
  const View all = pass.workspace.view(in.rows, q + k + v);
  const Projected result{all.slice(0, q), all.slice(q, k), all.slice(q + k, v)};
  if (weights.fused) {
    project(pass, weights.fused, in, all);
  } else {
    const ProjectionTo parts[] = {
        {weights.query, result.query}, {weights.key, result.key}, {weights.value, result.value}};
    const std::size_t end = weights.value ? 3 : weights.key ? 2 : 1;
    project(pass, in, std::span(parts).subspan(first, end - first));
    if (weights.key && !weights.value) pass.backend.copy(result.key, result.value);
  }
  if (first == 0) add_adapter(pass, weights.query_adapter, in, result.query);
  add_adapter(pass, weights.key_adapter, in, result.key);
  add_adapter(pass, weights.value_adapter, in, result.value);
  if (spec.clamp > 0.0f) pass.backend.clamp(all, -spec.clamp, spec.clamp);
  return result;
}

void normalise_heads(const Pass& pass, const AttentionSpec& spec, const HeadNorm& norm, bool plain,
                     int head_width, View x) {
  if (!norm && !plain) return;
  const auto [kind, epsilon] = spec.head_norm.value_or(
      AttentionSpec::HeadNormKind{pass.model.norm, pass.model.norm_epsilon});
  NormParams params = norm.norm.params(kind, epsilon, norm ? norm.group : head_width);
  params.weight_per_column = norm.per_column;
  pass.backend.norm(x, params, x);
}

void rotate(const Pass& pass, const AttentionSpec& spec, int heads, int head_width, View x) {
  // Several factors on a column would not round as one does, in batches with places and without.
  const bool turns_once = pass.places.empty() && spec.rope.magnitude == 1.0f;
  if (spec.placed_ropes.empty() || turns_once) {
    return pass.backend.rope(x, pass.batch.positions, spec.rope.params(heads, head_width));
  }
  for (const PlacedRope& placed : spec.placed_ropes) {
    const auto by = pass.places.empty() ? pass.batch.positions
                                        : pass.places.subspan(placed.component * x.rows, x.rows);
    pass.backend.rope(x, by, placed.rope.params(heads, head_width));
  }
}

// Whose keys and values layer `layer` reads, and keeps where they are its own.
int kv_layer(const Pass& pass, const AttentionSpec& spec, int layer) {
  if (spec.kv_layer >= 0) return spec.kv_layer;
  return pass.model.forgets_keys ? 0 : layer;
}

// Attention of the rows [first, first + count) alone.
void attend_part(const Pass& pass, const AttentionParams& params, std::int64_t first,
                 std::int64_t count, View queries, View out) {
  if (count == 0) return;
  BatchLayout part = pass.batch;
  part.positions = part.positions.subspan(first, count);
  part.sequences = part.sequences.subspan(first, count);
  std::vector<std::int32_t> lengths(part.lengths.begin(), part.lengths.end());
  if (!params.causal) lengths[part.sequences.back()] = part.positions.back() + 1;
  part.lengths = lengths;
  pass.backend.attention(pass.kv, some_rows(queries, first, count), params, part,
                         some_rows(out, first, count));
}

// Rows that see each other take an operation of their own: they see to the last of them.
void attend(const Pass& pass, const AttentionParams& params, const BatchLayout& layout,
            View queries, View out) {
  const auto is_open = [&](const GivenRows& given) {
    return given.see_each_other == SeeEachOther::kInAllLayers ||
           (given.see_each_other == SeeEachOther::kInSlidingLayers &&
            params.span == AttentionSpan::kSliding);
  };
  if (std::ranges::none_of(pass.given, is_open)) {
    return pass.backend.attention(pass.kv, queries, params, layout, out);
  }
  std::int64_t done = 0;
  for (const GivenRows& given : pass.given) {
    if (!is_open(given)) continue;
    attend_part(pass, params, done, given.first - done, queries, out);
    AttentionParams open = params;
    open.causal = false;
    attend_part(pass, open, given.first, given.rows, queries, out);
    done = given.first + given.rows;
  }
  attend_part(pass, params, done, queries.rows - done, queries, out);
}

// What becomes of projected queries before they are used.
void finish_query(const Pass& pass, const AttentionSpec& spec, const AttentionWeights& weights,
                  View query) {
  const auto normalise = [&] {
    normalise_heads(pass, spec, weights.query_norm, spec.plain_query_norm, spec.key_width, query);
  };
  if (!spec.norm_after_rope) normalise();
  rotate(pass, spec, spec.heads, spec.key_width, query);
  if (spec.norm_after_rope) normalise();
  apply_temperature(pass, spec.temperature, query);
}

// The same of keys and values.
void finish_key_and_value(const Pass& pass, const AttentionSpec& spec,
                          const AttentionWeights& weights, const Projected& x) {
  const auto normalise = [&] {
    normalise_heads(pass, spec, weights.key_norm, spec.plain_key_norm, spec.key_width, x.key);
  };
  if (!spec.norm_after_rope) normalise();
  rotate(pass, spec, spec.kv_heads, spec.key_width, x.key);
  if (spec.norm_after_rope) normalise();
  normalise_heads(pass, spec, {}, spec.plain_value_norm, spec.value_width, x.value);
}

AttentionParams params_of(const Pass& pass, const AttentionSpec& spec,
                          const AttentionWeights& weights, int layer) {
  AttentionParams params{layer, spec.heads, spec.kv_heads, spec.key_width, spec.value_width};
  params.scale = spec.scale;
  params.softcap = spec.softcap;
  params.span = spec.span;
  params.window = spec.window;
  params.causal = pass.causal;
  params.sinks = weights.sinks ? weights.sinks->data() : nullptr;
  params.alibi_slopes = weights.alibi_slopes ? weights.alibi_slopes->data() : nullptr;
  params.distance_bias = weights.distance_bias.view();
  params.selected = spec.blocks.heads > 0;
  return params;
}

}  // namespace

DistanceBias DistanceBiasWeights::view() const {
  if (!values) return {};
  return {values->data(), as_integers(buckets->data()), reach};
}

std::int64_t attention_columns(const AttentionSpec& spec, const ModelSpec& model) {
  const std::int64_t widest =
      std::max({model.width, std::int64_t{query_columns(spec)}, std::int64_t{value_columns(spec)}});
  return 1 + block_indexer_columns(spec.blocks) + adapter_columns(model.adapters, widest) +
         query_columns(spec) + key_columns(spec) + value_columns(spec) +
         2 * std::int64_t{result_columns(spec)};
}

void apply_temperature(const Pass& pass, const QueryTemperature& temperature, View queries) {
  if (temperature.scale == 0.0f) return;
  std::vector<float> factors;
  for (const std::int32_t position : pass.batch.positions) {
    const double step = std::floor((static_cast<double>(position) + temperature.offset) /
                                   static_cast<double>(temperature.length));
    factors.push_back(static_cast<float>(1.0 + temperature.scale * std::log1p(step)));
  }
  const Workspace::Scope scope(pass.workspace);
  const View column = pass.workspace.view(queries.rows, 1);
  pass.backend.upload(factors, column.data);
  pass.backend.scale_rows(queries, column.data);
}

void apply_gate(const Pass& pass, const Linear& projection, Activation activation, View in,
                View result) {
  if (!projection) return;
  const View gate = project(pass, projection, in);
  pass.backend.multiply_gate(gate, activation, result);
}

void attention_block(const Pass& pass, const AttentionSpec& spec, const AttentionWeights& weights,
                     int layer, View in, View out, bool accumulate) {
  if (spec.kv_heads == 0) return project(pass, weights.output, in, out, accumulate);

  const Workspace::Scope scope(pass.workspace);
  const Projected x = project_heads(pass, spec, weights, in);
  finish_query(pass, spec, weights, x.query);
  finish_key_and_value(pass, spec, weights, x);

  const BatchLayout& layout = spec.in_windows ? *pass.windows : pass.batch;
  const int keys_of = kv_layer(pass, spec, layer);
  if (spec.kv_layer < 0) pass.backend.store_kv(pass.kv, keys_of, x.key, x.value, layout);
  if (spec.blocks.heads > 0) pick_blocks(pass, spec.blocks, weights.blocks, layer, in);
  const View result = pass.workspace.view(in.rows, result_columns(spec));
  attend(pass, params_of(pass, spec, weights, keys_of), layout, x.query, result);

  apply_gate(pass, weights.gate, spec.gate, in, result);
  if (weights.result_norm) normalise(pass, weights.result_norm, result);
  project(pass, weights.output, result, out, accumulate);
  add_adapter(pass, weights.output_adapter, result, out);
}

void store_keys(const Pass& pass, const AttentionSpec& spec, const AttentionWeights& weights,
                int layer, View in) {
  const Workspace::Scope scope(pass.workspace);
  const Projected x = project_heads(pass, spec, weights, in, Heads::kKeysAndValues);
  finish_key_and_value(pass, spec, weights, x);
  pass.backend.store_kv(pass.kv, kv_layer(pass, spec, layer), x.key, x.value, pass.batch);
}

}  // namespace linnet
