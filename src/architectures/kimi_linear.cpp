#include "architectures/common.hpp"
#include "architectures/families.hpp"
#include "architectures/recurrent.hpp"

namespace linnet {

// Kimi Linear (https://arxiv.org/abs/2510.26692): Kimi delta attention in the layers without KV
// heads, multi-head latent attention without rope in the others.
ModelSpec read_kimi_linear(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  read_kimi_delta_layers(p, {}, spec);
  read_latent_attention(p, loader, RopeLayout::kNone, spec);
  normalise_expert_weights(spec);
  leave_out({".ssm_beta.scale"}, spec);
  return spec;
}

}  // namespace linnet
