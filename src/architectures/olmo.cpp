#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {

// OLMo (https://arxiv.org/abs/2402.00838): layer norms without weights.
ModelSpec read_olmo(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_adjacent(p, loader);
  use_layer_norms(p, spec);
  spec.pre_norm = spec.output_norm = NormUse::kPlain;
  const float clamp = p.number("attention.clamp_kqv", 0.0f);
  each_attention(spec, [&](AttentionSpec& a) { a.clamp = clamp; });
  return spec;
}

// OLMo 2 and 3: norms after the blocks only; the sliding layers of OLMo 3 have unscaled rope.
ModelSpec read_olmo2(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half(p, loader);
  spec.pre_norm = NormUse::kNone;
  read_sliding_window(p, {.period = 4}, spec);
  Rope rope = read_rope(p, loader, spec);
  set_sliding_rope(p, rope, RopeLayout::kSplitHalf, false, spec);
  return spec;
}

}  // namespace linnet
