#include "architectures/common.hpp"
#include "architectures/families.hpp"
#include "architectures/recurrent.hpp"

namespace linnet {

// Nemotron-H (https://arxiv.org/abs/2504.03624): each layer is one of Mamba 2, attention without
// rope and a feed-forward part, all behind the norm that the file calls attn_norm.
ModelSpec read_nemotron_h(Hyperparameters& p, WeightLoader&) {
  ModelSpec spec = read_common(p);
  spec.norm_names.ffn = "attn_norm";
  for (LayerSpec& layer : spec.layers) {
    const bool is_ffn = layer.mlp.width > 0 || layer.moe.experts > 0;
    if (!is_ffn && layer.attention.heads == 0) layer.recurrent = read_mamba2_sizes(p);
    if (is_ffn) layer.attention = {};
    layer.mlp.activation = layer.moe.activation = Activation::kReluSquared;
  }
  return spec;
}

}  // namespace linnet
