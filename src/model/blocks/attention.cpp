#include "model/blocks/attention.hpp"

namespace linnet {
namespace {

struct Projected {
  View query, key, value;
};

int query_columns(const AttentionSpec& spec) { return spec.heads * spec.key_width; }
int key_columns(const AttentionSpec& spec) { return spec.kv_heads * spec.key_width; }
int value_columns(const AttentionSpec& spec) { return spec.kv_heads * spec.value_width; }

Projected project(const Pass& pass, const AttentionSpec& spec, const AttentionWeights& weights,
                  View in) {
  const int q = query_columns(spec), k = key_columns(spec), v = value_columns(spec);
  const View all = pass.workspace.view(in.rows, q + k + v);
  const Projected result{all.slice(0, q), all.slice(q, k), all.slice(q + k, v)};
  if (weights.fused) {
    const MatmulOutput output = weights.fused.to(all);
    pass.backend.matmul(in, {&output, 1});
  } else {
    const MatmulOutput outputs[] = {weights.query.to(result.query), weights.key.to(result.key),
                                    weights.value.to(result.value)};
    pass.backend.matmul(in, outputs);
  }
  return result;
}

void normalise_heads(const Pass& pass, const Norm& norm, int head_width, View x) {
  if (!norm) return;
  NormParams params{pass.model.norm, pass.model.norm_epsilon, norm.weight_data(), norm.bias_data()};
  params.group = norm.size() == x.columns ? x.columns : head_width;
  pass.backend.norm(x, params, x);
}

void rotate(const Pass& pass, const RopeSpec& rope, int heads, int head_width, View x) {
  pass.backend.rope(x, pass.batch.positions,
                    {rope.layout, heads, head_width, rope.first, rope.dims,
                     rope.inverse_frequencies, rope.magnitude});
}

}  // namespace

AttentionWeights load_attention(WeightLoader& loader, const AttentionSpec& spec, std::int64_t width,
                                const std::string& prefix) {
  const int q = query_columns(spec), k = key_columns(spec), v = value_columns(spec);
  AttentionWeights weights;
  weights.fused = loader.linear(prefix + ".attn_qkv", width, q + k + v, Presence::kOptional);
  if (!weights.fused) {
    weights.query = loader.linear(prefix + ".attn_q", width, q);
    weights.key = loader.linear(prefix + ".attn_k", width, k);
    weights.value = loader.linear(prefix + ".attn_v", width, v);
  }
  weights.output =
      loader.linear(prefix + ".attn_output", std::int64_t{spec.heads} * spec.value_width, width);
  weights.query_norm = loader.norm(prefix + ".attn_q_norm", spec.key_width, Presence::kOptional, q);
  weights.key_norm = loader.norm(prefix + ".attn_k_norm", spec.key_width, Presence::kOptional, k);
  weights.sinks = loader.vector(prefix + ".attn_sinks.weight", spec.heads, Presence::kOptional);
  return weights;
}

std::int64_t attention_columns(const AttentionSpec& spec) {
  return query_columns(spec) + key_columns(spec) + value_columns(spec) +
         std::int64_t{spec.heads} * spec.value_width;
}

void attention_block(const Pass& pass, const AttentionSpec& spec, const AttentionWeights& weights,
                     int layer, View in, View out, bool accumulate) {
  const Workspace::Scope scope(pass.workspace);
  const auto [query, key, value] = project(pass, spec, weights, in);
  normalise_heads(pass, weights.query_norm, spec.key_width, query);
  normalise_heads(pass, weights.key_norm, spec.key_width, key);
  rotate(pass, spec.rope, spec.heads, spec.key_width, query);
  rotate(pass, spec.rope, spec.kv_heads, spec.key_width, key);

  pass.backend.store_kv(pass.kv, layer, key, value, pass.batch);
  const View attended = pass.workspace.view(in.rows, std::int64_t{spec.heads} * spec.value_width);
  AttentionParams params{layer, spec.heads, spec.kv_heads, spec.key_width, spec.value_width};
  params.scale = spec.scale;
  params.softcap = spec.softcap;
  params.span = spec.span;
  params.window = spec.window;
  params.causal = pass.model.causal;
  params.sinks = weights.sinks ? weights.sinks->data() : nullptr;
  pass.backend.attention(pass.kv, query, params, pass.batch, attended);

  const MatmulOutput output = accumulate ? weights.output.add_to(out) : weights.output.to(out);
  pass.backend.matmul(attended, {&output, 1});
}

}  // namespace linnet
