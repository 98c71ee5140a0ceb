#include <numbers>

#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {

// Grok: dense and routed parts together, soft-capped scores, norms on both sides of a block.
ModelSpec read_grok(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half_normalised(p, loader);
  set_activation(spec, Activation::kGelu);
  spec.norm_names.mixer_post = "attn_output_norm";
  if (loader.has("blk.0.layer_output_norm.weight")) spec.norm_names.ffn_post = "layer_output_norm";
  spec.embedding_scale = p.nonzero_number("embedding_scale", 78.38367176906169f);
  spec.logit_scale = p.nonzero_number("logit_scale", 0.5773502691896257f);
  spec.logit_softcap = p.number("final_logit_softcapping", 0.0f);
  const float scale = p.nonzero_number("attention.output_scale", 0.08838834764831845f);
  const float softcap = p.nonzero_number("attn_logit_softcapping", 30.0f);
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    LayerSpec& layer = spec.layers[i];
    layer.attention.scale = scale;
    layer.attention.softcap = softcap;
    layer.mlp.width = static_cast<int>(loader.rows(block_name(i, "ffn_up")));
    if (layer.mlp.width > 0) layer.ffn_scale = std::numbers::sqrt2_v<float> / 2.0f;
  }
  return spec;
}

}  // namespace linnet
