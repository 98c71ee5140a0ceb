#include <utility>

#include "architectures/common.hpp"
#include "architectures/families.hpp"
#include "architectures/recurrent.hpp"

namespace linnet {

// Nemotron and Jais 2.
ModelSpec read_nemotron(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half(p, loader);
  use_layer_norms(p, spec);
  set_activation(spec, Activation::kReluSquared);
  return spec;
}

// Nemotron-H (https://arxiv.org/abs/2504.03624): each layer is one of Mamba 2, attention without
// rope and a feed-forward part, all after the norm that the file calls attn_norm. One for
// multi-token prediction has attention and a feed-forward part, and its last norm is a layer norm.
ModelSpec read_nemotron_h(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  spec.norm = NormKind::kRms;  // if a file has the epsilon of layer norms only, it is theirs
  const int own = own_layers(p);
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    LayerSpec& layer = spec.layers[i];
    const bool predicts = i >= own;
    const bool is_ffn = predicts || p.layer_count("feed_forward_length", i, 0) > 0;
    if (!is_ffn) layer.mlp = layer.shared = {}, layer.moe = {};
    if (drop_attention_without_keys(layer) && !is_ffn) layer.recurrent = read_mamba2_sizes(p);
    if (is_ffn && !predicts) layer.attention = {};
  }
  spec.norm_names.ffn = "attn_norm";
  if (p.includes_prediction_layers()) {
    spec.norm_names.ffn = std::exchange(spec.norm_names.mixer_post, "");
    require_keys(p, {"attention.layer_norm_epsilon"});
    spec.prediction.layer_norm_epsilon = p.positive_number("attention.layer_norm_epsilon", 0.0f);
  }
  set_activation(spec, Activation::kReluSquared);
  each_moe(spec, [](MoeSpec& moe) { moe.route.gate = GateFunction::kSigmoid; });
  return spec;
}

}  // namespace linnet
