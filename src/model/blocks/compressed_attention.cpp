#include "model/blocks/compressed_attention.hpp"

#include <cmath>

#include "model/blocks/completed_keys.hpp"
#include "model/blocks/normalise.hpp"
#include "model/blocks/project.hpp"

namespace linnet {
namespace {

std::int64_t query_columns(const CompressedAttentionSpec& spec) {
  return std::int64_t{spec.heads} * spec.head_width;
}
std::int64_t index_columns(const IndexerSpec& spec) {
  return std::int64_t{spec.heads} * spec.width;
}
std::int64_t low_columns(const CompressedAttentionSpec& spec) {
  return std::int64_t{spec.output_groups} * spec.output_rank;
}

void rotate(const Pass& pass, const RopeSpec& rope, std::span<const std::int32_t> positions,
            int head_width, View x) {
  const auto heads = static_cast<int>(x.columns / head_width);
  pass.backend.rope(x, positions, rope.params(heads, head_width));
}

// [rows, query_rank]; what queries and those of the indexer are made of
View lower_query(const Pass& pass, const CompressedAttentionWeights& weights, View in) {
  const View down = project(pass, weights.query_down, in);
  normalise_rms(pass, weights.query_norm, down);
  return down;
}

View make_query(const Pass& pass, const CompressedAttentionSpec& spec,
                const CompressedAttentionWeights& weights, View lowered) {
  const View query = project(pass, weights.query_up, lowered);
  normalise_rms(pass, /*norm=*/{}, query, spec.head_width);
  rotate(pass, spec.rope, pass.batch.positions, spec.head_width, query);
  return query;
}

void store_keys(const Pass& pass, const CompressedAttentionSpec& spec,
                const CompressedAttentionWeights& weights, int layer, View in) {
  const Workspace::Scope scope(pass.workspace);
  const View key = project(pass, weights.key, in);
  normalise_rms(pass, weights.key_norm, key);
  rotate(pass, spec.rope, pass.batch.positions, spec.head_width, key);
  pass.backend.store_kv(pass.kv, layer, key, key.slice(0, 0), pass.batch);
}

// Where compressed keys go, and where the tokens are kept that the next ones are made of.
struct Compression {
  StatePart state;
  int kv_layer;
  int width;
  const RopeSpec& rope;
};

void compress_keys(const Pass& pass, const CompressedAttentionSpec& spec,
                   const CompressorWeights& weights, const Compression& to, View in) {
  const Workspace::Scope scope(pass.workspace);
  const CompletedKeys completed(pass.batch, spec.stride);
  const std::int64_t columns = spec.pooled_columns(to.width);
  const View values = pass.workspace.view(in.rows, columns);
  const View scores = pass.workspace.view(in.rows, columns);
  project(pass, in, {{weights.value, values}, {weights.score, scores}});
  const View keys = pass.workspace.view(std::ssize(completed.last), to.width);
  move_states(
      pass,
      PoolingMove{values, scores, {to.state, spec.stride, spec.overlaps, weights.offsets->data()}},
      keys);
  if (keys.rows == 0) return;
  normalise_rms(pass, weights.norm, keys);
  rotate(pass, to.rope, completed.first, to.width, keys);
  pass.backend.store_kv(pass.kv, to.kv_layer, keys, keys.slice(0, 0), completed.places(pass.batch));
}

// Picks the compressed keys that each row sees.
void pick_keys(const Pass& pass, const CompressedAttentionSpec& spec,
               const CompressedAttentionWeights& weights, int layer, View lowered, View in) {
  const IndexerSpec& indexer = spec.indexer;
  const Workspace::Scope scope(pass.workspace);
  compress_keys(
      pass, spec, weights.index_compressor,
      {{layer, spec.window_floats(spec.head_width)}, indexer.kv_layer, indexer.width, indexer.rope},
      in);
  const View query = project(pass, weights.index_query, lowered);
  const View head_weight = project(pass, weights.index_head_weight, in);
  rotate(pass, indexer.rope, pass.batch.positions, indexer.width, query);
  pass.backend.select_keys(
      pass.kv, query, head_weight,
      {indexer.kv_layer, indexer.heads, indexer.width, indexer.most, spec.stride}, pass.batch);
}

void give_output(const Pass& pass, const CompressedAttentionSpec& spec,
                 const CompressedAttentionWeights& weights, View result, View out,
                 bool accumulate) {
  const View low = pass.workspace.view(result.rows, low_columns(spec));
  const std::int64_t columns = result.columns / spec.output_groups;
  for (int g = 0; g < spec.output_groups; ++g) {
    project(pass, weights.output_down[g], result.slice(g * columns, columns),
            low.slice(std::int64_t{g} * spec.output_rank, spec.output_rank));
  }
  project(pass, weights.output_up, low, out, accumulate);
}

CompressorWeights load_compressor(WeightLoader& loader, const CompressedAttentionSpec& spec,
                                  int key_width, std::int64_t width, const std::string& stem) {
  const std::int64_t columns = spec.pooled_columns(key_width);
  CompressorWeights weights;
  weights.value = loader.linear(stem + "_kv", width, columns);
  weights.score = loader.linear(stem + "_gate", width, columns);
  weights.offsets = loader.vector(stem + "_ape.weight", columns * spec.stride);
  weights.norm = loader.norm(stem + "_norm", key_width);
  return weights;
}

}  // namespace

CompressedAttentionWeights load_compressed_attention(WeightLoader& loader,
                                                     const CompressedAttentionSpec& spec,
                                                     std::int64_t width,
                                                     const std::string& prefix) {
  CompressedAttentionWeights weights;
  weights.query_down = loader.linear(prefix + ".attn_q_a", width, spec.query_rank);
  weights.query_norm = loader.norm(prefix + ".attn_q_a_norm", spec.query_rank);
  weights.query_up = loader.linear(prefix + ".attn_q_b", spec.query_rank, query_columns(spec));
  weights.key = loader.linear(prefix + ".attn_kv", width, spec.head_width);
  weights.key_norm = loader.norm(prefix + ".attn_kv_a_norm", spec.head_width);
  weights.sinks = loader.vector(prefix + ".attn_sinks.weight", spec.heads);
  for (int g = 0; g < spec.output_groups; ++g) {
    weights.output_down.push_back(loader.linear_part(
        prefix + ".attn_output_a", query_columns(spec) / spec.output_groups, low_columns(spec),
        std::int64_t{g} * spec.output_rank, spec.output_rank));
  }
  weights.output_up = loader.linear(prefix + ".attn_output_b", low_columns(spec), width);
  if (spec.stride == 0) return weights;
  weights.compressor =
      load_compressor(loader, spec, spec.head_width, width, prefix + ".attn_compressor");
  const IndexerSpec& indexer = spec.indexer;
  if (indexer.heads == 0) return weights;
  weights.index_query =
      loader.linear(prefix + ".indexer.attn_q_b", spec.query_rank, index_columns(indexer));
  weights.index_head_weight = loader.linear(prefix + ".indexer.proj", width, indexer.heads);
  weights.index_compressor =
      load_compressor(loader, spec, indexer.width, width, prefix + ".indexer_compressor");
  return weights;
}

std::int64_t compressed_attention_columns(const CompressedAttentionSpec& spec) {
  if (spec.heads == 0) return 0;
  const std::int64_t compressed = 2 * spec.pooled_columns(spec.head_width) + spec.head_width;
  const std::int64_t index = 2 * spec.pooled_columns(spec.indexer.width) + spec.indexer.width +
                             index_columns(spec.indexer) + spec.indexer.heads;
  return spec.query_rank + 2 * query_columns(spec) + low_columns(spec) + compressed + index;
}

void compressed_attention_block(const Pass& pass, const CompressedAttentionSpec& spec,
                                const CompressedAttentionWeights& weights, int layer, View in,
                                View out, bool accumulate) {
  const Workspace::Scope scope(pass.workspace);
  AttentionParams params;
  params.layer = layer;
  params.heads = spec.heads;
  params.kv_heads = 1;
  params.key_width = params.value_width = spec.head_width;
  params.values_in_keys = true;
  params.scale = 1.0f / std::sqrt(static_cast<float>(spec.head_width));
  params.span = AttentionSpan::kSliding;
  params.window = spec.window;
  params.sinks = weights.sinks->data();

  const View lowered = lower_query(pass, weights, in);
  store_keys(pass, spec, weights, layer, in);
  if (spec.stride > 0) {
    compress_keys(pass, spec, weights.compressor,
                  {{layer, 0}, spec.kv_layer, spec.head_width, spec.rope}, in);
    params.compressed = {spec.kv_layer, spec.stride};
  }
  if (spec.indexer.heads > 0) {
    pick_keys(pass, spec, weights, layer, lowered, in);
    params.selected = true;
  }
  const View query = make_query(pass, spec, weights, lowered);
  const View result = pass.workspace.view(in.rows, query.columns);
  pass.backend.attention(pass.kv, query, params, pass.batch, result);
  rotate(pass, spec.reverse_rope, pass.batch.positions, spec.head_width, result);
  give_output(pass, spec, weights, result, out, accumulate);
}

}  // namespace linnet
