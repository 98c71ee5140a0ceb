#include "model/blocks/block_indexer.hpp"

#include "model/blocks/completed_keys.hpp"
#include "model/blocks/normalise.hpp"
#include "model/blocks/project.hpp"

namespace linnet {
namespace {

std::int64_t query_columns(const BlockIndexerSpec& spec) {
  return std::int64_t{spec.heads} * spec.width;
}

void normalise_and_turn(const Pass& pass, const BlockIndexerSpec& spec, const Norm& norm,
                        std::span<const std::int32_t> positions, View x) {
  normalise_rms(pass, norm, x, spec.width);
  const auto heads = static_cast<int>(x.columns / spec.width);
  pass.backend.rope(x, positions, spec.rope.params(heads, spec.width));
}

// The key of a block is the mean of its tokens', at the position of the first one.
void store_block_keys(const Pass& pass, const BlockIndexerSpec& spec,
                      const BlockIndexerWeights& weights, int layer, View in) {
  const Workspace::Scope scope(pass.workspace);
  const CompletedKeys completed(pass.batch, spec.stride);
  const View token_keys = project(pass, weights.key, in);
  const View equal_scores = pass.workspace.view(in.rows, spec.width);
  const View keys = pass.workspace.view(std::ssize(completed.last), spec.width);
  pass.backend.fill(equal_scores, 0.0f);
  const PoolParams params{{layer, 0}, spec.stride, /*overlaps=*/false, weights.no_offsets->data()};
  move_states(pass, PoolingMove{token_keys, equal_scores, params}, keys);
  if (keys.rows == 0) return;
  normalise_and_turn(pass, spec, weights.key_norm, completed.first, keys);
  pass.backend.store_kv(pass.kv, spec.kv_layer, keys, keys.slice(0, 0),
                        completed.places(pass.batch));
}

void store_token_keys(const Pass& pass, const BlockIndexerSpec& spec,
                      const BlockIndexerWeights& weights, View in) {
  const Workspace::Scope scope(pass.workspace);
  const View keys = project(pass, weights.key, in);
  normalise_and_turn(pass, spec, weights.key_norm, pass.batch.positions, keys);
  pass.backend.store_kv(pass.kv, spec.kv_layer, keys, keys.slice(0, 0), pass.batch);
}

// Of which all heads are one sum.
void pick_together(const Pass& pass, const BlockIndexerSpec& spec, View query) {
  const View equal_weights = pass.workspace.view(query.rows, spec.heads);
  pass.backend.fill(equal_weights, 1.0f);
  pass.backend.select_keys(
      pass.kv, query, equal_weights,
      {spec.kv_layer, spec.heads, spec.width, spec.most, spec.stride, /*picks_tokens=*/true},
      pass.batch);
}

// Each KV head by a head of its own.
void pick_apart(const Pass& pass, const BlockIndexerSpec& spec, View query) {
  SelectParams params{spec.kv_layer, spec.heads, spec.width, spec.most};
  params.blocks = {spec.stride, spec.recent};
  pass.backend.select_keys(pass.kv, query, {}, params, pass.batch);
}

}  // namespace

BlockIndexerWeights load_block_indexer(WeightLoader& loader, const BlockIndexerSpec& spec,
                                       std::int64_t width, const std::string& prefix) {
  BlockIndexerWeights weights;
  if (spec.heads == 0) return weights;
  weights.query = loader.linear(prefix + ".indexer.q_proj", width, query_columns(spec));
  weights.key = loader.linear(prefix + ".indexer.k_proj", width, spec.width);
  weights.query_norm = loader.norm(prefix + ".indexer.q_norm", spec.width);
  weights.key_norm = loader.norm(prefix + ".indexer.k_norm", spec.width);
  if (spec.keys == BlockKeys::kOfTokens) return weights;
  const auto offsets = static_cast<std::size_t>(spec.stride) * static_cast<std::size_t>(spec.width);
  if (!loader.failed()) weights.no_offsets = loader.upload(std::vector<float>(offsets));
  return weights;
}

std::int64_t block_indexer_columns(const BlockIndexerSpec& spec) {
  return query_columns(spec) + 3 * std::int64_t{spec.width} + spec.heads;
}

void pick_blocks(const Pass& pass, const BlockIndexerSpec& spec, const BlockIndexerWeights& weights,
                 int layer, View in) {
  const Workspace::Scope scope(pass.workspace);
  const bool has_means = spec.keys == BlockKeys::kMean;
  if (has_means) {
    store_block_keys(pass, spec, weights, layer, in);
  } else {
    store_token_keys(pass, spec, weights, in);
  }
  const View query = project(pass, weights.query, in);
  normalise_and_turn(pass, spec, weights.query_norm, pass.batch.positions, query);
  has_means ? pick_together(pass, spec, query) : pick_apart(pass, spec, query);
}

}  // namespace linnet
