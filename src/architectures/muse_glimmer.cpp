#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {

// Muse Glimmer: gates on the attention result, norms on both sides of a block, three of four layers
// slide; only they have rope.
ModelSpec read_muse_glimmer(Hyperparameters& p, WeightLoader& loader) {
  constexpr float kPostNormEpsilon = 1e-8f;
  ModelSpec spec = read_adjacent(p, loader);
  spec.embedding_norm = NormUse::kPlain;
  spec.post_norm_epsilon = kPostNormEpsilon;
  spec.logit_scale = p.number("logit_scale", 1.0f);
  spec.logit_softcap = p.number("final_logit_softcapping", 0.0f);
  read_sliding_window(p, {.period = 4}, spec);
  set_sliding_rope(p, read_rope(p, loader, spec), RopeLayout::kAdjacent, false, spec);
  drop_rope_of_full_layers(spec);
  return spec;
}

}  // namespace linnet
