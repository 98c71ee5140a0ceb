#include "model/blocks/indexer.hpp"

#include "model/blocks/project.hpp"

namespace linnet {
namespace {

bool picks_itself(const IndexerSpec& spec) { return spec.heads > 0 && !spec.reused; }

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
  const View query = project(pass, weights.query, query_in);
  const View key = project(pass, weights.key, in);
  const View head_weight = project(pass, weights.head_weight, in);
  pass.backend.norm(key, weights.key_norm.params(NormKind::kLayer, spec.key_norm_epsilon), key);
  pass.backend.rope(query, pass.batch.positions, spec.rope.params(spec.heads, spec.width));
  pass.backend.rope(key, pass.batch.positions, spec.rope.params(1, spec.width));
  pass.backend.store_kv(pass.kv, spec.kv_layer, key, key.slice(0, 0), pass.batch);
  pass.backend.select_keys(pass.kv, query, head_weight,
                           {spec.kv_layer, spec.heads, spec.width, spec.most}, pass.batch);
}

}  // namespace linnet
