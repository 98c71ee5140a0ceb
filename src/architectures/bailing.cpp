#include <fmt/format.h>

#include "architectures/common.hpp"
#include "architectures/families.hpp"
#include "architectures/recurrent.hpp"

namespace linnet {

// Bailing MoE 3 (Ling and Ring 2.5 and later): Kimi delta attention with bounded decays in the
// layers without KV heads, gated latent attention in the others.
ModelSpec read_bailing_moe3(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  require_keys(p, {"kda.gate_lower_bound"});
  const float bound = p.number("kda.gate_lower_bound", 0.0f);
  const bool is_bounded = p.boolean("kda.safe_gate", true);
  if (!is_bounded || !(bound < 0.0f)) {
    p.fail(
        fmt::format("metadata keys {0}.kda.safe_gate and {0}.kda.gate_lower_bound are {1} and {2}, "
                    "expected true and less than 0",
                    p.architecture(), is_bounded, bound));
  }
  read_kimi_delta_layers(p, {bound, /*rate_sign=*/1.0f}, spec);
  read_latent_attention(p, loader, RopeLayout::kAdjacent, spec);
  read_gate_clamps(p, spec);
  return spec;
}

}  // namespace linnet
