#include <fmt/format.h>

#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {
namespace {

// SiLU is above -0.28, so that a larger limit on both sides is the model's, which is on top only.
float read_clamp(Hyperparameters& p, std::string_view key, int layer) {
  constexpr float kLeast = 0.28f;
  const float clamp = p.layer_number(key, layer, 0.0f);
  if (clamp != 0.0f && clamp < kLeast) {
    p.fail(fmt::format("metadata key {}.{} is {} for layer {}, expected 0 or {} and more",
                       p.architecture(), key, clamp, layer, kLeast));
  }
  return clamp;
}

}  // namespace

// Step 3.5: sliding layers with more heads and rope of their own base; the others turn half as many
// columns. A gate for each head; some layers limit what goes into the down-projection.
ModelSpec read_step35(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  read_sliding_window(p, {}, spec);
  const Rope sliding = read_rope(p, loader, spec);
  Rope full = sliding;
  full.dims /= 2;
  if (!full.factors.empty()) full.factors.resize(static_cast<std::size_t>(full.dims / 2));
  each_attention(spec, [&](AttentionSpec& a) { set_rope(p, full, RopeLayout::kSplitHalf, a); });
  set_sliding_rope(p, sliding, RopeLayout::kSplitHalf, false, spec);
  default_gate(p, GateFunction::kSigmoid, spec);
  for (int i = 0; i < static_cast<int>(spec.layers.size()); ++i) {
    LayerSpec& layer = spec.layers[i];
    layer.moe.clamp = read_clamp(p, "swiglu_clamp_exp", i);
    layer.mlp.clamp = layer.shared.clamp = read_clamp(p, "swiglu_clamp_shexp", i);
  }
  return spec;
}

}  // namespace linnet
