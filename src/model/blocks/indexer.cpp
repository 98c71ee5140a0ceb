#include "model/blocks/indexer.hpp"

#include "model/blocks/project.hpp"

namespace linnet {
namespace {

bool picks_itself(const IndexerSpec& spec) { return spec.heads > 0 && !spec.reused; }

void rotate(const Pass& pass, const IndexerSpec& spec, int heads, View x) {
  pass.backend.rope(x, pass.batch.positions,
                    {spec.rope.layout, heads, spec.width, spec.rope.first, spec.rope.dims,
                     spec.rope.inverse_frequencies, spec.rope.magnitude});
}

}  // namespace

IndexerWeights load_indexer(WeightLoader& loader, const IndexerSpec& spec,
                            std::int64_t query_columns, std::int64_t width,
                            const std::string& prefix) {
  IndexerWeights weights;
  if (!picks_itself(spec)) return weights;
  const std::int64_t queries = std::int64_t{spec.heads} * spec.width;
  weights.query = loader.linear(prefix + ".indexer.attn_q_b", query_columns, queries);
  weights.key = loader.linear(prefix + ".indexer.attn_k", width, spec.width);
  weights.head_weight = loader.linear(prefix + ".indexer.proj", width, spec.heads);
  weights.key_norm = loader.norm(prefix + ".indexer.k_norm", spec.width);
  return weights;
}

std::int64_t indexer_columns(const IndexerSpec& spec) {
  return picks_itself(spec) ? (spec.heads + 1) * std::int64_t{spec.width} + spec.heads : 0;
}

void pick_keys_block(const Pass& pass, const IndexerSpec& spec, const IndexerWeights& weights,
                     View query_in, View in) {
  if (!picks_itself(spec)) return;
  const Workspace::Scope scope(pass.workspace);
  const View query = pass.workspace.view(in.rows, std::int64_t{spec.heads} * spec.width);
  const View key = pass.workspace.view(in.rows, spec.width);
  const View head_weight = pass.workspace.view(in.rows, spec.heads);
  project(pass, weights.query, query_in, query);
  project(pass, weights.key, in, key);
  project(pass, weights.head_weight, in, head_weight);

  pass.backend.norm(key,
                    {NormKind::kLayer, spec.key_norm_epsilon, weights.key_norm.weight_data(),
                     weights.key_norm.bias_data()},
                    key);
  rotate(pass, spec, spec.heads, query);
  rotate(pass, spec, 1, key);

  pass.backend.store_kv(pass.kv, spec.kv_layer, key, View{key.data, key.rows, 0, key.stride},
                        pass.batch);
  pass.backend.select_keys(pass.kv, query, head_weight,
                           {spec.kv_layer, spec.heads, spec.width, spec.most}, pass.batch);
}

}  // namespace linnet
