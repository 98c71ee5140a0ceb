// Loads attention: which of the ways a file has it in follows from its tensors.

#include <cmath>

#include "model/blocks/attention.hpp"
#include "model/blocks/head_columns.hpp"

namespace linnet {
namespace {

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
  return {loader.vector(name, std::int64_t{spec.heads} * bias.count), loader.upload(bias.buckets),
          static_cast<int>(bias.buckets.size() / 2)};
}

// The file may have the query and the gate of each head side by side.
void load_query(WeightLoader& loader, const AttentionSpec& spec, std::int64_t width,
                const std::string& prefix, AttentionWeights& weights) {
  const std::int64_t columns = query_columns(spec);
  const std::string stem = prefix + ".attn_q";
  if (loader.rows(stem) != 2 * columns || spec.key_width != spec.value_width) {
    weights.query = loader.linear(stem, width, columns);
    return;
  }
  const std::int64_t sizes[] = {spec.key_width, spec.key_width};
  const std::vector<std::int64_t> rows = parts_together(spec.heads, sizes);
  weights.query = loader.reordered(stem, width, 2 * columns, std::span(rows).first(columns));
  weights.gate = loader.reordered(stem, width, 2 * columns, std::span(rows).last(columns));
}

void load_query_key_value(WeightLoader& loader, const AttentionSpec& spec, std::int64_t width,
                          const std::string& prefix, AttentionWeights& weights) {
  const int q = query_columns(spec), k = key_columns(spec), v = value_columns(spec);
  const std::string fused = prefix + ".attn_qkv";
  if (spec.kv_layer >= 0) {
    const std::int64_t all = loader.rows(fused);
    weights.query = all > 0 ? loader.linear_part(fused, width, all, 0, q)
                            : loader.linear(prefix + ".attn_q", width, q);
    for (const char* unused : {".attn_k", ".attn_v"}) loader.ignore(prefix + unused);
  } else if (const auto& rows = spec.fused_rows; rows.all > 0) {
    weights.query = loader.linear_part(fused, width, rows.all, 0, q);
    weights.key = loader.linear_part(fused, width, rows.all, rows.key, k);
    weights.value = loader.linear_part(fused, width, rows.all, rows.value, v);
  } else {
    weights.fused = loader.linear(fused, width, q + k + v, Presence::kOptional);
    if (!weights.fused) {
      load_query(loader, spec, width, prefix, weights);
      weights.key = loader.linear(prefix + ".attn_k", width, k);
      weights.value = loader.linear(prefix + ".attn_v", width, v,
                                    k == v ? Presence::kOptional : Presence::kRequired);
    }
    weights.key_norm = loader.head_norm(prefix + ".attn_k_norm", spec.kv_heads, spec.key_width);
  }
}

Linear load_output(WeightLoader& loader, const AttentionSpec& spec, std::int64_t width,
                   const std::string& prefix) {
  std::string stem = prefix + ".attn_output";
  for (const char* other : {".attn_o", ".attn_out"}) {
    if (loader.has(prefix + other + ".weight")) stem = prefix + other;
  }
  Linear output = loader.linear(stem, result_columns(spec), width);
  output.scale *= spec.output_scale;
  return output;
}

void load_adapters(WeightLoader& loader, const AttentionSpec& spec, const ModelSpec& model,
                   const std::string& prefix, AttentionWeights& weights) {
  const auto load = [&](const char* part, std::int64_t columns, std::int64_t rows) {
    return load_adapter(loader, model.adapters, prefix + part, columns, rows);
  };
  weights.query_adapter = load(".attn_q", model.width, query_columns(spec));
  weights.key_adapter = load(".attn_k", model.width, key_columns(spec));
  weights.value_adapter = load(".attn_v", model.width, value_columns(spec));
  weights.output_adapter = load(".attn_output", result_columns(spec), model.width);
}

}  // namespace

AttentionWeights load_attention(WeightLoader& loader, const AttentionSpec& spec,
                                const ModelSpec& model, const std::string& prefix) {
  const std::int64_t width = model.width, result = result_columns(spec);
  AttentionWeights weights;
  if (spec.kv_heads == 0) {
    weights.output = loader.linear(prefix + ".attn_output", width, width);
    return weights;
  }
  load_query_key_value(loader, spec, model.mixer_columns(), prefix, weights);
  weights.query_norm = loader.head_norm(prefix + ".attn_q_norm", spec.heads, spec.key_width);
  if (!weights.gate) {
    weights.gate = load_attention_gate(loader, spec.heads, model.mixer_columns(), result, prefix);
  }
  weights.result_norm = loader.norm(prefix + ".attn_sub_norm", result, Presence::kOptional);
  weights.output = load_output(loader, spec, width, prefix);
  load_adapters(loader, spec, model, prefix, weights);
  const std::string sinks = prefix + ".attn_sinks";  // of towers without the suffix
  weights.sinks =
      loader.vector(loader.has(sinks) ? sinks : sinks + ".weight", spec.heads, Presence::kOptional);
  weights.distance_bias = load_distance_bias(loader, spec, prefix);
  weights.blocks = load_block_indexer(loader, spec.blocks, width, prefix);
  weights.alibi_slopes = loader.upload(alibi_slopes(spec.heads, spec.alibi_bias));
  return weights;
}

Linear load_attention_gate(WeightLoader& loader, int heads, std::int64_t width,
                           std::int64_t columns, const std::string& prefix) {
  const std::string stem = prefix + ".attn_gate";
  const bool is_per_head = loader.rows(stem) == heads;
  return loader.linear(stem, width, is_per_head ? heads : columns, Presence::kOptional);
}

}  // namespace linnet
