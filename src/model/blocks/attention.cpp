#include "model/blocks/attention.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "model/blocks/head_columns.hpp"
#include "model/blocks/project.hpp"

namespace linnet {
namespace {

struct Projected {
  View query, key, value;
};

// The slopes of ALiBi, as the paper's reference code extends them to head counts that are no power
// of two.
std::vector<float> alibi_slopes(int heads, float largest_bias) {
  if (largest_bias <= 0.0f) return {};
  const int whole = 1 << static_cast<int>(std::floor(std::log2(heads)));
  const double base = std::pow(2.0, -largest_bias / static_cast<float>(whole));
  const double between = std::pow(2.0, -largest_bias / 2.0 / whole);
  std::vector<float> slopes(static_cast<std::size_t>(heads));
  for (int h = 0; h < heads; ++h) {
    slopes[h] = static_cast<float>(h < whole ? std::pow(base, h + 1)
                                             : std::pow(between, 2 * (h - whole) + 1));
  }
  return slopes;
}

DistanceBiasWeights load_distance_bias(WeightLoader& loader, const AttentionSpec& spec,
                                       const std::string& prefix) {
  const AttentionSpec::DistanceBias& bias = spec.distance_bias;
  const std::string name = prefix + ".attn_rel_b.weight";
  if (bias.count == 0 || !loader.has(name)) return {};
  std::vector<float> bits;  // what is uploaded are numbers of 32 bits
  for (const std::int32_t bucket : bias.buckets) bits.push_back(std::bit_cast<float>(bucket));
  return {loader.vector(name, std::int64_t{spec.heads} * bias.count), loader.upload(bits),
          static_cast<int>(bias.buckets.size() / 2)};
}

Projected project_heads(const Pass& pass, const AttentionSpec& spec,
                        const AttentionWeights& weights, View in) {
  const int q = query_columns(spec), k = key_columns(spec), v = value_columns(spec);
  const View all = pass.workspace.view(in.rows, q + k + v);
  const Projected result{all.slice(0, q), all.slice(q, k), all.slice(q + k, v)};
  if (weights.fused) {
    project(pass, weights.fused, in, all);
  } else if (weights.value) {
    project(
        pass, in,
        {{weights.query, result.query}, {weights.key, result.key}, {weights.value, result.value}});
  } else if (weights.key) {
    project(pass, in, {{weights.query, result.query}, {weights.key, result.key}});
    pass.backend.copy(result.key, result.value);
  } else {
    project(pass, weights.query, in, result.query);
  }
  add_adapter(pass, weights.query_adapter, in, result.query);
  add_adapter(pass, weights.key_adapter, in, result.key);
  add_adapter(pass, weights.value_adapter, in, result.value);
  if (spec.clamp > 0.0f) pass.backend.clamp(all, -spec.clamp, spec.clamp);
  return result;
}

void normalise(const Pass& pass, const AttentionSpec& spec, const HeadNorm& norm, bool plain,
               int head_width, View x) {
  if (!norm && !plain) return;
  NormParams params{pass.model.norm, pass.model.norm_epsilon, norm.norm.weight_data(),
                    norm.norm.bias_data()};
  if (spec.head_norm) {
    params.kind = spec.head_norm->kind;
    params.epsilon = spec.head_norm->epsilon;
  }
  params.group = norm ? norm.group : head_width;
  params.weight_per_column = norm.per_column;
  pass.backend.norm(x, params, x);
}

void turn(const Pass& pass, const RopeSpec& rope, std::span<const std::int32_t> by, int heads,
          int head_width, View x) {
  pass.backend.rope(x, by,
                    {rope.layout, heads, head_width, rope.first, rope.dims,
                     rope.inverse_frequencies, rope.magnitude});
}

void rotate(const Pass& pass, const AttentionSpec& spec, int heads, int head_width, View x) {
  // Several factors on a column would not round as one does, in batches with places and without.
  const bool turns_once = pass.places.empty() && spec.rope.magnitude == 1.0f;
  if (spec.placed_ropes.empty() || turns_once) {
    return turn(pass, spec.rope, pass.batch.positions, heads, head_width, x);
  }
  for (const PlacedRope& placed : spec.placed_ropes) {
    const auto by = pass.places.empty() ? pass.batch.positions
                                        : pass.places.subspan(placed.component * x.rows, x.rows);
    turn(pass, placed.rope, by, heads, head_width, x);
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

void normalise_query_and_key(const Pass& pass, const AttentionSpec& spec,
                             const AttentionWeights& weights, const Projected& x) {
  normalise(pass, spec, weights.query_norm, spec.plain_query_norm, spec.key_width, x.query);
  normalise(pass, spec, weights.key_norm, spec.plain_key_norm, spec.key_width, x.key);
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

// The rows of query heads, and of gates, where the file has a head's query and gate side by side.
std::vector<std::int64_t> every_second(const AttentionSpec& spec, int first) {
  std::vector<std::int64_t> order;
  for (int h = 0; h < spec.heads; ++h) {
    for (int i = 0; i < spec.key_width; ++i) {
      order.push_back((2 * std::int64_t{h} + first) * spec.key_width + i);
    }
  }
  return order;
}

void load_query(WeightLoader& loader, const AttentionSpec& spec, std::int64_t width,
                const std::string& prefix, AttentionWeights& weights) {
  const std::int64_t columns = query_columns(spec);
  const std::string stem = prefix + ".attn_q";
  if (loader.rows(stem) != 2 * columns || spec.key_width != spec.value_width) {
    weights.query = loader.linear(stem, width, columns);
    return;
  }
  weights.query = loader.reordered(stem, width, 2 * columns, every_second(spec, 0));
  weights.gate = loader.reordered(stem, width, 2 * columns, every_second(spec, 1));
}

}  // namespace

DistanceBias DistanceBiasWeights::view() const {
  if (!values) return {};
  return {values->data(), reinterpret_cast<const std::int32_t*>(buckets->data()), reach};
}

AttentionWeights load_attention(WeightLoader& loader, const AttentionSpec& spec,
                                const ModelSpec& model, const std::string& prefix) {
  const std::int64_t width = model.width;
  const int q = query_columns(spec), k = key_columns(spec), v = value_columns(spec);
  const std::int64_t result = result_columns(spec);
  AttentionWeights weights;
  if (spec.kv_heads == 0) {
    weights.output = loader.linear(prefix + ".attn_output", width, width);
    return weights;
  }
  if (spec.kv_layer >= 0) {
    weights.query = loader.linear(prefix + ".attn_q", width, q);
    for (const char* unused : {".attn_k", ".attn_v"}) loader.ignore(prefix + unused);
  } else if (const auto& rows = spec.fused_rows; rows.all > 0) {
    const std::string fused = prefix + ".attn_qkv";
    weights.query = loader.linear_part(fused, width, rows.all, 0, q);
    weights.key = loader.linear_part(fused, width, rows.all, rows.key, k);
    weights.value = loader.linear_part(fused, width, rows.all, rows.value, v);
  } else {
    weights.fused = loader.linear(prefix + ".attn_qkv", width, q + k + v, Presence::kOptional);
    if (!weights.fused) {
      load_query(loader, spec, width, prefix, weights);
      weights.key = loader.linear(prefix + ".attn_k", width, k);
      weights.value = loader.linear(prefix + ".attn_v", width, v,
                                    k == v ? Presence::kOptional : Presence::kRequired);
    }
    weights.key_norm = loader.head_norm(prefix + ".attn_k_norm", spec.kv_heads, spec.key_width);
  }
  weights.query_norm = loader.head_norm(prefix + ".attn_q_norm", spec.heads, spec.key_width);
  if (!weights.gate) {
    const bool per_head = loader.rows(prefix + ".attn_gate") == spec.heads;
    weights.gate = loader.linear(prefix + ".attn_gate", width, per_head ? spec.heads : result,
                                 Presence::kOptional);
  }
  weights.result_norm = loader.norm(prefix + ".attn_sub_norm", result, Presence::kOptional);
  std::string output = prefix + ".attn_output";
  for (const char* other : {".attn_o", ".attn_out"}) {
    if (loader.has(prefix + other + ".weight")) output = prefix + other;
  }
  weights.output = loader.linear(output, result, width);
  weights.output.scale *= spec.output_scale;
  const AdaptersSpec& adapters = model.adapters;
  weights.query_adapter = load_adapter(loader, adapters, prefix + ".attn_q", width, q);
  weights.key_adapter = load_adapter(loader, adapters, prefix + ".attn_k", width, k);
  weights.value_adapter = load_adapter(loader, adapters, prefix + ".attn_v", width, v);
  weights.output_adapter = load_adapter(loader, adapters, prefix + ".attn_output", result, width);
  weights.sinks = loader.vector(prefix + ".attn_sinks.weight", spec.heads, Presence::kOptional);
  weights.distance_bias = load_distance_bias(loader, spec, prefix);
  weights.blocks = load_block_indexer(loader, spec.blocks, width, prefix);
  weights.alibi_slopes = loader.upload(alibi_slopes(spec.heads, spec.alibi_bias));
  return weights;
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
  if (!spec.norm_after_rope) normalise_query_and_key(pass, spec, weights, x);
  rotate(pass, spec, spec.heads, spec.key_width, x.query);
  rotate(pass, spec, spec.kv_heads, spec.key_width, x.key);
  if (spec.norm_after_rope) normalise_query_and_key(pass, spec, weights, x);
  normalise(pass, spec, {}, spec.plain_value_norm, spec.value_width, x.value);
  apply_temperature(pass, spec.temperature, x.query);

  const BatchLayout& layout = spec.in_windows ? *pass.windows : pass.batch;
  const int keys_of = kv_layer(pass, spec, layer);
  if (spec.kv_layer < 0) pass.backend.store_kv(pass.kv, keys_of, x.key, x.value, layout);
  if (spec.blocks.heads > 0) pick_blocks(pass, spec.blocks, weights.blocks, layer, in);
  const View result = pass.workspace.view(in.rows, result_columns(spec));
  attend(pass, params_of(pass, spec, weights, keys_of), layout, x.query, result);

  apply_gate(pass, weights.gate, spec.gate, in, result);
  if (weights.result_norm) {
    pass.backend.norm(result,
                      {pass.model.norm, pass.model.norm_epsilon, weights.result_norm.weight_data(),
                       weights.result_norm.bias_data()},
                      result);
  }
  project(pass, weights.output, result, out, accumulate);
  add_adapter(pass, weights.output_adapter, result, out);
}

}  // namespace linnet
