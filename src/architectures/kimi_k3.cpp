#include <fmt/format.h>

#include "architectures/common.hpp"
#include "architectures/families.hpp"
#include "architectures/recurrent.hpp"

namespace linnet {

// Kimi K3: Kimi Linear with bounded decays, gates on latent attention, experts in a latent space,
// SiTU, and blocks that attend to earlier states of the residual stream.
ModelSpec read_kimi_k3(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  const float bound = p.number("kda.gate_lower_bound", 0.0f);
  read_kimi_delta_layers(p, {bound, /*rate_sign=*/-1.0f}, spec);
  read_latent_attention(p, loader, RopeLayout::kNone, spec);
  require_keys(p, {"activation.situ_beta"});
  const float cap = p.number("activation.situ_beta", 0.0f);
  const float up_cap = p.number("activation.situ_linear_beta", 0.0f);
  if (!(cap > 0.0f)) {
    p.fail(fmt::format("metadata key {}.activation.situ_beta is {}, expected more than 0",
                       p.architecture(), cap));
  }
  each_gate(spec, [&](GateSpec& gate) { gate.situ = Situ{cap, up_cap}; });
  spec.residual.attention_group = p.count("attn_res.block_size", 0);
  return spec;
}

}  // namespace linnet
