#include <fmt/format.h>

#include "architectures/common.hpp"
#include "architectures/families.hpp"
#include "architectures/recurrent.hpp"

namespace linnet {

// Kimi Linear (https://arxiv.org/abs/2510.26692): Kimi delta attention in the layers without KV
// heads, multi-head latent attention without rope in the others.
ModelSpec read_kimi_linear(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  for (int i = 0; i < static_cast<int>(spec.layers.size()); ++i) {
    LayerSpec& layer = spec.layers[i];
    if (p.layer_count("attention.head_count_kv", i, 1) > 0) continue;
    layer.attention = {};
    layer.recurrent = read_kimi_delta_sizes(p);
    spec.unused_tensors.push_back(fmt::format("blk.{}.attn_output.scale", i));
  }
  read_latent_attention(p, loader, RopeLayout::kNone, spec);
  normalise_expert_weights(spec);
  leave_out({".ssm_beta.scale"}, spec);
  return spec;
}

}  // namespace linnet
