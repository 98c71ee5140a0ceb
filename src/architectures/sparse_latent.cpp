// Latent attention to the keys that an indexer picks, beside other parts.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {
namespace {

// Positions alone are scaled, with the magnitude that YaRN has for them, and not the scores as in
// DeepSeek's models.
void set_positions(Hyperparameters& p, Rope rope, LatentAttentionSpec& latent) {
  if (latent.window > 0) rope.base = p.positive_number("rope.freq_base_swa", rope.base);
  rope.scaling.log_multiplier = 0.0f;
  set_rope_frequencies(latent.rope, rope.base, rope.scaling, {});
  latent.scale = 1.0f / std::sqrt(static_cast<float>(latent.query_width()));
}

void read_positions(Hyperparameters& p, WeightLoader& loader, ModelSpec& spec) {
  const Rope rope = read_rope(p, loader, spec);
  for (LayerSpec& layer : spec.layers) set_positions(p, rope, layer.latent);
}

// Its columns are turned by the same angles as those of the layer's keys.
IndexerSpec make_indexer(Hyperparameters& p, IndexerSpec sizes, const ModelSpec& spec, int layer) {
  sizes.rope = fit_rope(p, spec.layers[layer].latent.rope, sizes.width);
  sizes.kv_layer = static_cast<int>(spec.layers.size()) + layer;
  return sizes;
}

HyperConnectionSpec read_streams(Hyperparameters& p) {
  HyperConnectionSpec spec;
  spec.streams = p.required_count("hyper_connection.count", kMostStreams);
  spec.epsilon = p.positive_number("hyper_connection.epsilon", 0.0f);
  spec.magnitude = p.positive_number("hyper_connection.magnitude", 0.0f);
  if (spec.magnitude == 0.0f) {
    p.fail(fmt::format("metadata key {}.hyper_connection.magnitude is missing or 0",
                       p.architecture()));
  }
  return spec;
}

// Turned columns are a head's last ones, as in the keys. Layers without an indexer use what the one
// before them picked.
void add_indexers(Hyperparameters& p, ModelSpec& spec) {
  if (p.count("attention.indexer.top_k", 0) == 0) return;  // all keys are seen
  const IndexerSpec sizes = read_indexer_sizes(p);
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    IndexerSpec indexer = make_indexer(p, sizes, spec, i);
    indexer.rope.first = indexer.width - indexer.rope.dims;
    indexer.key_norm_epsilon = spec.norm_epsilon;
    indexer.reused = p.layer_count("attention.indexer.types", i, 0) == 0;
    spec.layers[i].latent.indexer = indexer;
  }
}

}  // namespace

// Hunyuan 4 (https://huggingface.co/tencent/Hy4-preview): residual streams that don't mix, gates
// and sinks in latent attention, some layers of which may pick the keys for those behind them.
ModelSpec read_hy_v4(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  require_keys(p, {"hyper_connection.epsilon"});
  spec.hyper_connection = read_streams(p);
  read_latent_attention(p, loader, RopeLayout::kAdjacent, spec);
  read_positions(p, loader, spec);
  add_indexers(p, spec);
  default_gate(p, GateFunction::kSigmoid, spec);
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    GateSpec& gate = spec.layers[i].moe.gate;
    gate.clamp = std::max(0.0f, p.layer_number("swiglu_clamp_exp", i, 0.0f));
    gate.clamps_before = true;
  }
  return spec;
}

// dots3-note: full layers, which see what their indexers pick, and sliding ones with other heads,
// all of latent attention; the turned key has a norm, heads have gates.
ModelSpec read_dots3_note(Hyperparameters& p, WeightLoader& loader) {
  constexpr auto kWidest = Hyperparameters::kWidestHead;
  ModelSpec spec = read_common(p, loader);
  require_keys(
      p, {"attention.sliding_window", "attention.sliding_window_pattern", "expert_gating_func"});
  read_sliding_window(p, {}, spec);
  read_latent_attention(p, loader, RopeLayout::kAdjacent, spec);
  const IndexerSpec sizes = read_indexer_sizes(p);
  const auto width = [&](std::string_view key) { return p.required_count(key, kWidest); };
  const int sliding_latent = width("attention.kv_lora_rank_swa");
  const int sliding_key = width("attention.key_length_mla_swa");
  const int sliding_value = width("attention.value_length_mla_swa");
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    LatentAttentionSpec& latent = spec.layers[i].latent;
    if (latent.window == 0) continue;
    latent.latent_width = sliding_latent;
    latent.plain_width = sliding_key - latent.rope_width;
    latent.value_width = sliding_value;
    if (latent.plain_width < 0) fail_rope(p, latent.rope_width, sliding_key);
  }
  read_positions(p, loader, spec);
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    LatentAttentionSpec& latent = spec.layers[i].latent;
    if (latent.window > 0) continue;
    latent.indexer = make_indexer(p, sizes, spec, i);
    latent.indexer.rope.layout = RopeLayout::kSplitHalf;
  }
  return spec;
}

}  // namespace linnet
