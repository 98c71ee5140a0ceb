#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {

// Step 3.5: sliding layers with more heads and rope of their own base; the others turn half as many
// columns. A gate for each head; some layers limit what goes into the down-projection.
ModelSpec read_step35(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  read_sliding_window(p, {}, spec);
  const Rope sliding = read_rope(p, loader, spec);
  Rope full = sliding;
  full.dims /= 2;
  each_attention(spec, [&](AttentionSpec& a) { set_rope(p, full, RopeLayout::kSplitHalf, a); });
  set_sliding_rope(p, with_usual_base(sliding), RopeLayout::kSplitHalf, false, spec);
  default_gate(p, GateFunction::kSigmoid, spec);
  read_gate_clamps(p, spec);
  predict_before_last_norm(p, spec);
  return spec;
}

}  // namespace linnet
