#include "encoder/tower.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace linnet {
namespace {

Activation read_activation(Hyperparameters& p) {
  if (p.boolean("use_gelu", false)) return Activation::kGelu;
  return p.boolean("use_silu", false) ? Activation::kSilu : Activation::kGeluQuick;
}

AttentionSpec read_attention(Hyperparameters& p, const TowerNames& names, std::int64_t width) {
  AttentionSpec attention;
  attention.heads =
      p.required_count(names.key("attention.head_count"), Hyperparameters::kMostHeads);
  attention.kv_heads = attention.heads;
  if (width % attention.heads != 0) {
    p.fail(fmt::format("the tower has {} columns, expected a multiple of its {} heads", width,
                       attention.heads));
  }
  attention.key_width = attention.value_width =
      static_cast<int>(std::min(width / attention.heads, Hyperparameters::kWidestHead));
  attention.scale = 1.0f / std::sqrt(static_cast<float>(attention.key_width));
  return attention;
}

// The first layer that has one; others may have experts in its place.
std::string first_dense_layer(const WeightLoader& loader, const TowerNames& names,
                              std::int64_t layers) {
  const auto name = [&](std::int64_t layer) { return fmt::format("{}.{}.", names.layers, layer); };
  for (std::int64_t i = 0; i < layers; ++i) {
    if (loader.has(name(i) + "ffn_up.weight")) return name(i);
  }
  return name(0);
}

// Old files have the names of both projections exchanged, and no width.
MlpSpec read_mlp(Hyperparameters& p, const WeightLoader& loader, const TowerNames& names,
                 std::int64_t width, std::int64_t layers) {
  MlpSpec mlp;
  const std::string first = first_dense_layer(loader, names, layers);
  const std::int64_t up = loader.rows(first + "ffn_up"), down = loader.rows(first + "ffn_down");
  mlp.exchanged_names = up == width && down != width;
  const std::int64_t inner = mlp.exchanged_names ? down : up;
  if (inner < 1 || inner > Hyperparameters::kWidest) {
    p.fail(fmt::format("missing tensor {}ffn_up.weight", first));
  }
  mlp.width = static_cast<int>(std::min(inner, Hyperparameters::kWidest));
  mlp.gate.activation = read_activation(p);
  return mlp;
}

}  // namespace

ModelSpec read_tower(Hyperparameters& p, const WeightLoader& loader, const TowerNames& of) {
  ModelSpec tower;
  tower.architecture = p.architecture();
  tower.width = p.required_count(of.key("embedding_length"), Hyperparameters::kWidest);
  tower.norm = NormKind::kLayer;
  tower.norm_epsilon = p.positive_number(of.key("attention.layer_norm_epsilon"), 1e-6f);
  tower.post_norm_epsilon = tower.norm_epsilon;
  NormNames& names = tower.norm_names;
  names.mixer = "ln1";
  names.mixer_post = "attn_post_norm";
  names.ffn = "ln2";
  names.ffn_post = "ffn_post_norm";
  tower.causal = false;
  tower.encoder = true;
  tower.forgets_keys = true;
  tower.layer_name = of.layers;
  LayerSpec layer;
  layer.attention = read_attention(p, of, tower.width);
  const std::int64_t layers = p.required_count(of.key("block_count"), Hyperparameters::kMostLayers);
  layer.mlp = read_mlp(p, loader, of, tower.width, layers);
  tower.layers.assign(static_cast<std::size_t>(layers), layer);
  return tower;
}

std::vector<std::int64_t> read_counts(Hyperparameters& p, std::string_view key, std::size_t most) {
  const std::string full = fmt::format("{}.{}", p.architecture(), key);
  const auto array = p.file().array(full);
  std::vector<std::int64_t> counts;
  if (array && !*array) return counts;
  if (!array || !(*array)->is_integer() || (*array)->size() > most) {
    p.fail(fmt::format("metadata key {}, expected an array of at most {} integers", full, most));
    return counts;
  }
  for (std::size_t i = 0; i < (*array)->size(); ++i) {
    counts.push_back((*array)->integer(i));
    if (counts.back() < 0 || counts.back() > Hyperparameters::kLargestCount) {
      p.fail(fmt::format("metadata key {} has {}, expected 0 to {}", full, counts.back(),
                         Hyperparameters::kLargestCount));
      return {};
    }
  }
  return counts;
}

}  // namespace linnet
