#include "model/blocks/cross_attention.hpp"

#include <algorithm>

#include "model/blocks/head_columns.hpp"
#include "model/blocks/project.hpp"

namespace linnet {

CrossAttentionWeights load_cross_attention(WeightLoader& loader, const CrossAttentionSpec& spec,
                                           std::int64_t width, const std::string& prefix) {
  if (spec.heads == 0) return {};
  const std::string stem = prefix + ".cross_attn_";
  return {loader.linear(stem + "q", width, query_columns(spec)),
          loader.linear(stem + "k", width, key_columns(spec)),
          loader.linear(stem + "v", width, value_columns(spec)),
          loader.linear(stem + "o", result_columns(spec), width)};
}

std::int64_t cross_attention_columns(const CrossAttentionSpec& spec) {
  return std::max(std::int64_t{key_columns(spec)} + value_columns(spec),
                  std::int64_t{query_columns(spec)} + result_columns(spec));
}

void store_input(const Pass& pass, const CrossAttentionSpec& spec,
                 const CrossAttentionWeights& weights, View in) {
  const Workspace::Scope scope(pass.workspace);
  const View key = pass.workspace.view(in.rows, key_columns(spec));
  const View value = pass.workspace.view(in.rows, value_columns(spec));
  project(pass, in, {{weights.key, key}, {weights.value, value}});
  pass.backend.store_kv(pass.kv, spec.kv_layer, key, value, pass.batch);
}

void cross_attention_block(const Pass& pass, const CrossAttentionSpec& spec,
                           const CrossAttentionWeights& weights, View in, View out) {
  const Workspace::Scope scope(pass.workspace);
  const View query = project(pass, weights.query, in);

  AttentionParams params{spec.kv_layer, spec.heads, spec.kv_heads, spec.key_width,
                         spec.value_width};
  params.scale = spec.scale;
  params.causal = false;
  BatchLayout inputs = pass.batch;
  inputs.lengths = pass.inputs;
  const View result = pass.workspace.view(in.rows, result_columns(spec));
  pass.backend.attention(pass.kv, query, params, inputs, result);
  project(pass, weights.output, result, out, /*accumulate=*/true);
}

}  // namespace linnet
