#include "model/blocks/latent_attention.hpp"

#include <algorithm>

#include "model/blocks/attention.hpp"
#include "model/blocks/normalise.hpp"
#include "model/blocks/project.hpp"

namespace linnet {
namespace {

std::int64_t query_columns(const LatentAttentionSpec& spec) {
  return std::int64_t{spec.heads} * spec.query_width();
}
std::int64_t value_columns(const LatentAttentionSpec& spec) {
  return std::int64_t{spec.heads} * spec.value_width;
}
std::int64_t latent_key_width(const LatentAttentionSpec& spec) {
  return spec.latent_width + spec.rope_width;
}

// Turns the columns of each head from `first` on.
void rotate(const Pass& pass, const RopeSpec& rope, int heads, int head_width, int first, View x) {
  RopeParams params = rope.params(heads, head_width);
  params.first = first;
  pass.backend.rope(x, pass.batch.positions, params);
}

// [rows, query_rank]; what queries and indexer are made of. `in` itself if there is no rank.
View lower_query(const Pass& pass, const LatentAttentionSpec& spec,
                 const LatentAttentionWeights& weights, View in) {
  if (spec.query_rank == 0) return in;
  const View down = project(pass, weights.query_down, in);
  normalise(pass, weights.query_norm, down);
  return down;
}

// [rows, heads * (plain | rotary)]
View make_query(const Pass& pass, const LatentAttentionSpec& spec,
                const LatentAttentionWeights& weights, View lowered) {
  const View query = project(pass, weights.query ? weights.query : weights.query_up, lowered);
  rotate(pass, spec.rope, spec.heads, spec.query_width(), spec.plain_width, query);
  return query;
}

// [rows, latent | rotary key]
View make_latent(const Pass& pass, const LatentAttentionSpec& spec,
                 const LatentAttentionWeights& weights, View in) {
  const View latent = project(pass, weights.latent, in);
  normalise(pass, weights.latent_norm, latent.slice(0, spec.latent_width));
  if (weights.key_norm) {
    normalise(pass, weights.key_norm, latent.slice(spec.latent_width, spec.rope_width));
  }
  rotate(pass, spec.rope, 1, static_cast<int>(latent.columns), spec.latent_width, latent);
  return latent;
}

// Copies a part of every head, of which heads lie this many columns apart; a head or a row at a
// time, whichever is the fewer copies.
void copy_heads(const Pass& pass, int heads, View from, std::int64_t from_step, View to,
                std::int64_t to_step) {
  for (std::int64_t r = 0; r < from.rows && from.rows < heads; ++r) {
    pass.backend.copy({from.row(r), heads, from.columns, from_step},
                      {to.row(r), heads, to.columns, to_step});
  }
  for (int h = 0; h < heads && from.rows >= heads; ++h) {
    pass.backend.copy({from.data + h * from_step, from.rows, from.columns, from.stride},
                      {to.data + h * to_step, to.rows, to.columns, to.stride});
  }
}

// All heads share one key: the latent and the rotary part. The query's plain part goes through the
// head's key up-projection instead.
void attend_to_latents(const Pass& pass, const LatentAttentionSpec& spec,
                       const LatentAttentionWeights& weights, AttentionParams params, View query,
                       View latent, View result) {
  const std::int64_t width = latent_key_width(spec);
  pass.backend.store_kv(pass.kv, params.layer, latent, latent.slice(0, 0), pass.batch);
  const View absorbed = pass.workspace.view(query.rows, spec.heads * width);
  for (int h = 0; h < spec.heads; ++h) {
    const View head = query.slice(h * spec.query_width(), spec.query_width());
    project(pass, weights.key_up[h], head.slice(0, spec.plain_width),
            absorbed.slice(h * width, spec.latent_width));
  }
  copy_heads(pass, spec.heads, query.slice(spec.plain_width, spec.rope_width), spec.query_width(),
             absorbed.slice(spec.latent_width, spec.rope_width), width);
  apply_temperature(pass, spec.temperature, absorbed);

  const View mixed = pass.workspace.view(query.rows, std::int64_t{spec.heads} * spec.latent_width);
  params.kv_heads = 1;
  params.key_width = static_cast<int>(width);
  params.value_width = spec.latent_width;
  params.values_in_keys = true;
  pass.backend.attention(pass.kv, absorbed, params, pass.batch, mixed);
  for (int h = 0; h < spec.heads; ++h) {
    project(pass, weights.value_up[h], mixed.slice(h * spec.latent_width, spec.latent_width),
            result.slice(h * spec.value_width, spec.value_width));
  }
}

// Every head has its own key and value, expanded from the latent.
void attend_to_expanded(const Pass& pass, const LatentAttentionSpec& spec,
                        const LatentAttentionWeights& weights, AttentionParams params, View query,
                        View latent, View result) {
  const std::int64_t both = spec.plain_width + spec.value_width;
  const View expanded = project(pass, weights.key_value_up, latent.slice(0, spec.latent_width));
  const View key = pass.workspace.view(query.rows, query_columns(spec));
  const View value = pass.workspace.view(query.rows, value_columns(spec));
  for (int h = 0; h < spec.heads; ++h) {
    const View head = key.slice(h * spec.query_width(), spec.query_width());
    pass.backend.copy(expanded.slice(h * both, spec.plain_width), head.slice(0, spec.plain_width));
    pass.backend.copy(latent.slice(spec.latent_width, spec.rope_width),
                      head.slice(spec.plain_width, spec.rope_width));
    pass.backend.copy(expanded.slice(h * both + spec.plain_width, spec.value_width),
                      value.slice(h * spec.value_width, spec.value_width));
  }
  apply_temperature(pass, spec.temperature, query);
  pass.backend.store_kv(pass.kv, params.layer, key, value, pass.batch);
  params.kv_heads = spec.heads;
  params.key_width = spec.query_width();
  params.value_width = spec.value_width;
  pass.backend.attention(pass.kv, query, params, pass.batch, result);
}

}  // namespace

LatentAttentionWeights load_latent_attention(WeightLoader& loader, const LatentAttentionSpec& spec,
                                             std::int64_t width, const std::string& prefix) {
  LatentAttentionWeights weights;
  if (spec.query_rank > 0) {
    weights.query_down = loader.linear(prefix + ".attn_q_a", width, spec.query_rank);
    weights.query_norm = loader.norm(prefix + ".attn_q_a_norm", spec.query_rank);
    weights.query_up = loader.linear(prefix + ".attn_q_b", spec.query_rank, query_columns(spec));
  } else {
    weights.query = loader.linear(prefix + ".attn_q", width, query_columns(spec));
  }
  weights.latent = loader.linear(prefix + ".attn_kv_a_mqa", width, latent_key_width(spec));
  weights.latent_norm = loader.norm(prefix + ".attn_kv_a_norm", spec.latent_width);
  weights.key_norm = loader.norm(prefix + ".attn_k_norm", spec.rope_width, Presence::kOptional);
  weights.sinks = loader.vector(prefix + ".attn_sinks.weight", spec.heads, Presence::kOptional);
  if (spec.absorbed) {
    weights.key_up =
        loader.slices(prefix + ".attn_k_b", spec.plain_width, spec.latent_width, spec.heads);
    weights.value_up =
        loader.slices(prefix + ".attn_v_b", spec.latent_width, spec.value_width, spec.heads);
  } else {
    weights.key_value_up =
        loader.linear(prefix + ".attn_kv_b", spec.latent_width,
                      std::int64_t{spec.heads} * (spec.plain_width + spec.value_width));
  }
  weights.gate = load_attention_gate(loader, spec.heads, width, value_columns(spec), prefix);
  weights.output = loader.linear(prefix + ".attn_output", value_columns(spec), width);
  weights.indexer = load_indexer(loader, spec.indexer, spec.query_rank, width, prefix);
  return weights;
}

std::int64_t latent_attention_columns(const LatentAttentionSpec& spec) {
  const std::int64_t own =
      1 + spec.query_rank + query_columns(spec) + latent_key_width(spec) + 2 * value_columns(spec);
  const std::int64_t absorbed = spec.heads * (latent_key_width(spec) + spec.latent_width);
  const std::int64_t expanded = std::int64_t{spec.heads} * (spec.plain_width + spec.value_width) +
                                query_columns(spec) + value_columns(spec);
  return std::max(own + (spec.absorbed ? absorbed : expanded),
                  1 + spec.query_rank + indexer_columns(spec.indexer));
}

KvLayerShape latent_kv_shape(const LatentAttentionSpec& spec) {
  if (spec.absorbed) return {1, static_cast<int>(latent_key_width(spec)), 0};
  return {spec.heads, spec.query_width(), spec.value_width};
}

void latent_attention_block(const Pass& pass, const LatentAttentionSpec& spec,
                            const LatentAttentionWeights& weights, int layer, View in, View out,
                            bool accumulate) {
  const Workspace::Scope scope(pass.workspace);
  const View lowered = lower_query(pass, spec, weights, in);
  pick_keys_block(pass, spec.indexer, weights.indexer, lowered, in);
  const View query = make_query(pass, spec, weights, lowered);
  const View latent = make_latent(pass, spec, weights, in);
  const View result = pass.workspace.view(in.rows, value_columns(spec));
  AttentionParams params;
  params.layer = layer;
  params.heads = spec.heads;
  params.scale = spec.scale;
  params.causal = pass.causal;
  params.span = spec.window > 0 ? AttentionSpan::kSliding : AttentionSpan::kFull;
  params.window = spec.window;
  params.sinks = weights.sinks ? weights.sinks->data() : nullptr;
  params.selected = spec.indexer.heads > 0;
  const auto attend = spec.absorbed ? attend_to_latents : attend_to_expanded;
  attend(pass, spec, weights, params, query, latent, result);
  apply_gate(pass, weights.gate, Activation::kSigmoid, in, result);
  project(pass, weights.output, result, out, accumulate);
}

}  // namespace linnet
