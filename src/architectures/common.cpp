#include "architectures/common.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace linnet {
namespace {

constexpr std::int64_t kWidest = Hyperparameters::kWidest;
constexpr std::int64_t kWidestHead = Hyperparameters::kWidestHead;

std::string tensor_name(int layer, std::string_view part) {
  return block_name(layer, part) + ".weight";
}

// Recurrent models may lack the number.
int read_heads(Hyperparameters& p, const WeightLoader& loader, int layer) {
  constexpr std::string_view kKey = "attention.head_count";
  constexpr std::array kQueries = {"attn_q", "attn_qkv", "attn_q_a"};
  const bool has_queries = std::ranges::any_of(
      kQueries, [&](const char* part) { return loader.has(tensor_name(layer, part)); });
  return has_queries && !p.has_array(kKey)
             ? p.required_count(kKey, Hyperparameters::kMostHeads)
             : p.layer_count(kKey, layer, 1, Hyperparameters::kMostHeads);
}

AttentionSpec read_attention(Hyperparameters& p, const WeightLoader& loader, const ModelSpec& spec,
                             int layer) {
  AttentionSpec attention;
  attention.heads = read_heads(p, loader, layer);
  attention.kv_heads =
      p.layer_count("attention.head_count_kv", layer, attention.heads, Hyperparameters::kMostHeads);
  if (attention.heads == 0) return {};
  if (attention.kv_heads > 0 && attention.heads % attention.kv_heads != 0) {
    p.fail(fmt::format(
        "layer {} has {} heads (attention.head_count), expected a multiple of the {} KV "
        "heads (attention.head_count_kv)",
        layer, attention.heads, attention.kv_heads));
    return {};
  }
  const std::int64_t head_width = spec.width / attention.heads;
  attention.key_width = p.count("attention.key_length", head_width);
  attention.value_width = p.count("attention.value_length", head_width);
  if (attention.key_width < 1 || attention.key_width > kWidestHead || attention.value_width < 1 ||
      attention.value_width > kWidestHead) {
    p.fail(fmt::format("layer {} has heads of {} and {} columns, expected 1 to {}", layer,
                       attention.key_width, attention.value_width, kWidestHead));
    return {};
  }
  attention.scale = p.nonzero_number("attention.scale",
                                     1.0f / std::sqrt(static_cast<float>(attention.key_width)));
  return attention;
}

GateFunction read_gate_function(Hyperparameters& p) {
  switch (p.count("expert_gating_func", 1)) {
    case 1:
      return GateFunction::kSoftmax;
    case 2:
      return GateFunction::kSigmoid;
    case 3:
      return GateFunction::kSoftmaxAfterTopK;
    case 4:
      return GateFunction::kSquareRootOfSoftplus;
    default:
      p.fail(fmt::format("metadata key {}.expert_gating_func is {}, expected 1 to 4",
                         p.architecture(), p.count("expert_gating_func", 1)));
      return GateFunction::kSoftmax;
  }
}

MoeSpec read_moe(Hyperparameters& p, const WeightLoader& loader, int layer, int dense_width) {
  MoeSpec moe;
  if (!loader.has(tensor_name(layer, "ffn_gate_inp"))) return moe;
  moe.experts = p.required_count("expert_count", 1 << 16);
  const int width = p.layer_count("expert_feed_forward_length", layer, dense_width);
  moe.width = width > 0 ? width : dense_width;
  for (const char* part : {"ffn_latent_down", "ffn_routed_down"}) {
    const std::int64_t rows = loader.rows(block_name(layer, part));
    if (rows > 0) moe.latent_width = static_cast<int>(std::min(rows, kWidest));
  }
  moe.route.used = p.required_layer_count("expert_used_count", layer, moe.experts);
  moe.route.gate = read_gate_function(p);
  moe.route.normalise = p.boolean("expert_weights_norm", false);
  moe.route.scale = p.nonzero_number("expert_weights_scale", 1.0f);
  moe.route.groups = p.count("expert_group_count", 1);
  moe.route.used_groups = p.count("expert_group_used_count", moe.route.groups);
  if (moe.experts % moe.route.groups != 0 || moe.route.used_groups > moe.route.groups ||
      moe.route.used > moe.experts / moe.route.groups * moe.route.used_groups) {
    p.fail(fmt::format(
        "layer {} uses {} experts (expert_used_count) in {} groups (expert_group_used_count), "
        "expected at most what its {} experts (expert_count) in {} equal groups "
        "(expert_group_count) allow",
        layer, moe.route.used, moe.route.used_groups, moe.experts, moe.route.groups));
  }
  return moe;
}

// Columns of a layer's experts, for files that do not say so; `dense_width` if it has none.
int expert_width(const WeightLoader& loader, int layer, int dense_width) {
  const std::int64_t columns = loader.columns(block_name(layer, "ffn_down_exps"));
  return columns > 0 ? static_cast<int>(std::min(columns, kWidest)) : dense_width;
}

LayerSpec read_layer(Hyperparameters& p, const WeightLoader& loader, const ModelSpec& spec,
                     int index) {
  LayerSpec layer;
  layer.attention = read_attention(p, loader, spec, index);
  const int width = p.layer_count("feed_forward_length", index, 0);
  layer.moe = read_moe(p, loader, index, expert_width(loader, index, width));
  layer.shared.width = static_cast<int>(loader.rows(block_name(index, "ffn_up_shexp")));
  if (layer.moe.experts == 0) layer.mlp.width = width;
  return layer;
}

bool sliding_by_pattern(SlidingPattern pattern, int layer) {
  if (pattern.period == 0) return true;
  const int place = layer % pattern.period;
  return pattern.full_first ? place != 0 : place != pattern.period - 1;
}

}  // namespace

void require_keys(Hyperparameters& p, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    if (!p.has(key)) p.fail(fmt::format("missing metadata key {}.{}", p.architecture(), key));
  }
}

std::string block_name(std::int64_t layer, std::string_view part) {
  return fmt::format("blk.{}.{}", layer, part);
}

std::int64_t required_rows(Hyperparameters& p, const WeightLoader& loader,
                           const std::string& stem) {
  const std::int64_t rows = loader.rows(stem);
  if (rows == 0) p.fail(fmt::format("missing tensor {}.weight", stem));
  return rows;
}

int own_layers(Hyperparameters& p) {
  const int all = p.required_count("block_count", Hyperparameters::kMostLayers);
  return all - std::min(all, p.prediction_layers());
}

void predict_before_last_norm(Hyperparameters& p, ModelSpec& spec) {
  if (p.includes_prediction_layers()) spec.prediction.target_layers = {own_layers(p) - 1};
}

ModelSpec read_common(Hyperparameters& p, const WeightLoader& loader, LayerTensors tensors) {
  ModelSpec spec;
  spec.architecture = p.architecture();
  if (auto name = p.file().string("general.name"); name && *name) spec.name = **name;
  spec.width = p.required_count("embedding_length", kWidest);
  spec.context_length = p.required_count("context_length");
  spec.causal = p.boolean("attention.causal", true);
  const std::int64_t rows = loader.rows("token_embd");
  spec.vocabulary = rows > 0 ? rows : p.count("vocab_size", 1);
  const float layer_norm = p.positive_number("attention.layer_norm_epsilon", 0.0f);
  const float rms_norm = p.positive_number("attention.layer_norm_rms_epsilon", 0.0f);
  spec.norm = layer_norm > 0.0f && rms_norm == 0.0f ? NormKind::kLayer : NormKind::kRms;
  spec.norm_epsilon = spec.norm == NormKind::kLayer ? layer_norm : rms_norm;
  spec.post_norm_epsilon = spec.norm_epsilon;

  const int all = p.required_count("block_count", Hyperparameters::kMostLayers);
  const std::size_t count = p.file().tensors().size();
  if (count == 0) {
    p.fail("the file has no tensors: it holds a vocabulary, perhaps, and no model");
    return spec;
  }
  // Those for prediction may have a file of their own.
  const bool is_whole = tensors == LayerTensors::kOwn && !p.includes_prediction_layers();
  if (is_whole && count < static_cast<unsigned>(all)) {
    p.fail(fmt::format("metadata key {}.block_count is {}, but the file has only {} tensors",
                       p.architecture(), all, count));
    return spec;
  }
  const int layers = p.includes_prediction_layers() ? all : own_layers(p);
  for (int i = 0; i < layers; ++i) spec.layers.push_back(read_layer(p, loader, spec, i));
  for (int i = layers; i < all; ++i) spec.unused_tensors.push_back(block_name(i, ""));
  if (layers < 1) {
    p.fail(
        fmt::format("metadata key {}.nextn_predict_layers is {}, expected fewer than the {} "
                    "layers of {}.block_count",
                    p.architecture(), p.prediction_layers(), all, p.architecture()));
  }
  return spec;
}

IndexerSpec read_indexer_sizes(Hyperparameters& p) {
  IndexerSpec indexer;
  indexer.heads = p.required_count("attention.indexer.head_count", Hyperparameters::kMostHeads);
  indexer.width = p.required_count("attention.indexer.key_length", Hyperparameters::kWidestHead);
  indexer.most = p.required_count("attention.indexer.top_k");
  return indexer;
}

void read_sliding_window(Hyperparameters& p, SlidingPattern pattern, ModelSpec& spec) {
  constexpr std::string_view kPattern = "attention.sliding_window_pattern";
  const int window = p.count("attention.sliding_window", pattern.window);
  if (!p.has_array(kPattern)) {
    pattern.period = p.count(kPattern, pattern.period);
  }
  // Layers for multi-token prediction of which an array says nothing see everything.
  const int own = own_layers(p), named = static_cast<int>(p.array_size(kPattern));
  for (int i = 0; i < std::ssize(spec.layers) && window > 0; ++i) {
    if (p.has_array(kPattern) && i >= std::max(own, named)) continue;
    const bool slides =
        p.has_array(kPattern) ? p.layer_count(kPattern, i, 0) != 0 : sliding_by_pattern(pattern, i);
    if (!slides) continue;
    spec.layers[i].attention.span = AttentionSpan::kSliding;
    spec.layers[i].attention.window = window;
  }
}

void each_attention(ModelSpec& spec, const std::function<void(AttentionSpec&)>& change) {
  for (LayerSpec& layer : spec.layers) change(layer.attention);
}

void each_moe(ModelSpec& spec, const std::function<void(MoeSpec&)>& change) {
  for (LayerSpec& layer : spec.layers) change(layer.moe);
}

void each_gate(ModelSpec& spec, const std::function<void(GateSpec&)>& change) {
  for (LayerSpec& layer : spec.layers) {
    for (GateSpec* gate : {&layer.mlp.gate, &layer.shared.gate, &layer.moe.gate}) change(*gate);
  }
}

namespace {

// SiLU is above -0.28, so that a larger limit on both sides is the model's, which is on top only.
float read_gate_clamp(Hyperparameters& p, std::string_view key, int layer) {
  constexpr float kLeast = 0.28f;
  const float clamp = p.layer_number(key, layer, 0.0f);
  if (clamp != 0.0f && clamp < kLeast) {
    p.fail(fmt::format("metadata key {}.{} is {} for layer {}, expected 0 or {} and more",
                       p.architecture(), key, clamp, layer, kLeast));
  }
  return clamp;
}

}  // namespace

void read_gate_clamps(Hyperparameters& p, ModelSpec& spec) {
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    LayerSpec& layer = spec.layers[i];
    layer.moe.gate.clamp = read_gate_clamp(p, "swiglu_clamp_exp", i);
    layer.mlp.gate.clamp = layer.shared.gate.clamp = read_gate_clamp(p, "swiglu_clamp_shexp", i);
  }
}

void use_layer_norms(Hyperparameters& p, ModelSpec& spec) {
  spec.norm = NormKind::kLayer;
  spec.norm_epsilon = p.positive_number("attention.layer_norm_epsilon", spec.norm_epsilon);
  spec.post_norm_epsilon = spec.norm_epsilon;
}

void make_encoder(ModelSpec& spec) {
  spec.encoder = true;
  spec.causal = false;
  // Files for reranking: what makes one number of the hidden states.
  spec.unused_tensors.emplace_back("cls.");
}

void normalise_expert_weights(ModelSpec& spec) {
  each_moe(spec, [](MoeSpec& moe) { moe.route.normalise = true; });
}

void ignore_unused_dense(ModelSpec& spec) {
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    if (spec.layers[i].moe.experts == 0) continue;
    for (const char* part : {"ffn_gate.", "ffn_up.", "ffn_down."}) {
      spec.unused_tensors.push_back(block_name(i, part));
    }
  }
}

void default_gate(Hyperparameters& p, GateFunction gate, ModelSpec& spec) {
  if (p.count("expert_gating_func", 0) != 0) return;
  each_moe(spec, [&](MoeSpec& moe) { moe.route.gate = gate; });
}

QueryTemperature read_temperature(Hyperparameters& p) {
  QueryTemperature temperature;
  temperature.scale = p.number("attention.temperature_scale", 0.0f);
  temperature.length =
      p.count("attention.temperature_length",
              p.count("rope.scaling.original_context_length", p.count("context_length", 1)));
  return temperature;
}

void set_activation(ModelSpec& spec, Activation activation) {
  each_gate(spec, [&](GateSpec& gate) { gate.activation = activation; });
}

void read_latent_attention(Hyperparameters& p, WeightLoader& loader, RopeLayout layout,
                           ModelSpec& spec) {
  const Rope rope = read_latent_rope(p, loader, spec);
  LatentAttentionSpec latent;
  latent.query_rank = p.count("attention.q_lora_rank", 0, kWidest);
  latent.latent_width = p.required_count("attention.kv_lora_rank", kWidestHead);
  latent.rope_width = rope.dims;
  const auto first = std::ranges::find_if(
      spec.layers, [](const LayerSpec& layer) { return layer.attention.heads > 0; });
  if (first == spec.layers.end()) return;
  const AttentionSpec& heads = first->attention;
  const int key_width = p.count("attention.key_length_mla", heads.key_width, kWidestHead);
  latent.value_width = p.count("attention.value_length_mla", heads.value_width, kWidestHead);
  latent.plain_width = key_width - rope.dims;
  if (latent.plain_width < 0 || rope.dims < 2 || rope.dims % 2 != 0) {
    return fail_rope(p, rope.dims, key_width);
  }
  latent.rope = make_rope(p, rope, layout, key_width);
  latent.scale = latent_score_scale(rope.scaling, key_width);
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    LayerSpec& layer = spec.layers[i];
    if (layer.attention.heads == 0) continue;
    latent.heads = layer.attention.heads;
    latent.window = layer.attention.window;
    layer.attention = {};
    layer.latent = latent;
    // DeepSeek-V2-Lite has no down-projection of the query.
    if (loader.has(tensor_name(i, "attn_q"))) layer.latent.query_rank = 0;
    layer.latent.absorbed = loader.has(tensor_name(i, "attn_k_b"));
  }
}

}  // namespace linnet
