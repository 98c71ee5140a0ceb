#include "architectures/common.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/rope_frequencies.hpp"

namespace linnet {
namespace {

constexpr std::int64_t kMostLayers = 4096;
constexpr std::int64_t kWidest = 1 << 20;

AttentionSpec read_attention(Hyperparameters& p, const ModelSpec& spec, int layer) {
  AttentionSpec attention;
  attention.heads = static_cast<int>(p.layer_count("attention.head_count", layer, 1));
  attention.kv_heads =
      static_cast<int>(p.layer_count("attention.head_count_kv", layer, attention.heads));
  if (attention.heads == 0 || attention.kv_heads == 0) return {};  // this layer has another mixer
  if (attention.heads % attention.kv_heads != 0) {
    p.fail(fmt::format("layer {} has {} heads and {} KV heads, expected a multiple", layer,
                       attention.heads, attention.kv_heads));
    attention.heads = attention.kv_heads = 1;
  }
  const std::int64_t head_width = spec.width / attention.heads;
  attention.key_width = static_cast<int>(p.count("attention.key_length", head_width));
  attention.value_width = static_cast<int>(p.count("attention.value_length", head_width));
  if (attention.key_width > kWidest || attention.value_width > kWidest) {
    p.fail(fmt::format("heads of {} and {} columns are too wide", attention.key_width,
                       attention.value_width));
    attention.key_width = attention.value_width = 1;
  }
  attention.scale = p.nonzero_number("attention.scale",
                                     1.0f / std::sqrt(static_cast<float>(attention.key_width)));
  return attention;
}

MoeSpec read_moe(Hyperparameters& p, std::int64_t dense_width) {
  MoeSpec moe;
  moe.experts = static_cast<int>(p.count("expert_count", 0));
  if (moe.experts == 0) return moe;
  moe.width = static_cast<int>(p.count("expert_feed_forward_length", dense_width));
  moe.route.used = static_cast<int>(p.required_count("expert_used_count", moe.experts));
  moe.route.scale = p.nonzero_number("expert_weights_scale", 1.0f);
  return moe;
}

}  // namespace

ModelSpec read_common(Hyperparameters& p) {
  ModelSpec spec;
  spec.architecture = p.architecture();
  if (auto name = p.file().string("general.name"); name && *name) spec.name = **name;
  spec.width = p.required_count("embedding_length", kWidest);
  spec.context_length = p.required_count("context_length");
  const gguf::Tensor* embedding = p.file().find_tensor("token_embd.weight");
  spec.vocabulary = embedding ? embedding->shape[1] : p.count("vocab_size", 1);
  const float layer_norm = p.number("attention.layer_norm_epsilon", 0.0f);
  spec.norm = layer_norm > 0.0f ? NormKind::kLayer : NormKind::kRms;
  spec.norm_epsilon =
      layer_norm > 0.0f ? layer_norm : p.number("attention.layer_norm_rms_epsilon", 1e-5f);

  const auto layers = static_cast<int>(p.required_count("block_count", kMostLayers));
  for (int i = 0; i < layers; ++i) {
    LayerSpec layer;
    layer.attention = read_attention(p, spec, i);
    const std::int64_t width = p.layer_count("feed_forward_length", i, 0);
    layer.moe = read_moe(p, width);
    if (layer.moe.experts == 0) layer.mlp.width = static_cast<int>(width);
    spec.layers.push_back(std::move(layer));
  }
  return spec;
}

void read_rope(Hyperparameters& p, WeightLoader& loader, RopeLayout layout, ModelSpec& spec) {
  const float base = p.nonzero_number("rope.freq_base", 10000.0f);
  const RopeScaling scaling = read_rope_scaling(p);
  const auto with_attention =
      std::find_if(spec.layers.begin(), spec.layers.end(),
                   [](const LayerSpec& layer) { return layer.attention.heads > 0; });
  if (with_attention == spec.layers.end()) return;
  const std::int64_t dims = p.count("rope.dimension_count", with_attention->attention.key_width);
  const std::vector<float> factors =
      loader.values("rope_freqs.weight", dims / 2, Presence::kOptional);
  for (LayerSpec& layer : spec.layers) {
    if (layer.attention.heads == 0) continue;
    if (dims > layer.attention.key_width || dims % 2 != 0) {
      return p.fail(
          fmt::format("rope turns {} columns of a head of {}", dims, layer.attention.key_width));
    }
    layer.attention.rope.layout = layout;
    layer.attention.rope.dims = static_cast<int>(dims);
    set_rope_frequencies(layer.attention.rope, base, scaling, factors);
  }
}

}  // namespace linnet
