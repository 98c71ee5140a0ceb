#include "model/blocks/moe.hpp"

namespace linnet {

MoeWeights load_moe(WeightLoader& loader, const MoeSpec& spec, std::int64_t width,
                    const std::string& prefix) {
  MoeWeights weights;
  weights.router = loader.linear(prefix + ".ffn_gate_inp", width, spec.experts);
  weights.gate = loader.experts(prefix + ".ffn_gate_exps", width, spec.width, spec.experts,
                                Presence::kOptional);
  weights.up = loader.experts(prefix + ".ffn_up_exps", width, spec.width, spec.experts);
  weights.down = loader.experts(prefix + ".ffn_down_exps", spec.width, width, spec.experts);
  return weights;
}

std::int64_t moe_columns(const MoeSpec& spec, std::int64_t width) {
  const std::int64_t used = spec.route.used;
  return spec.experts + used * (2 + 2 * spec.width + width);
}

void moe_block(const Pass& pass, const MoeSpec& spec, const MoeWeights& weights, View in,
               View out) {
  const Workspace::Scope scope(pass.workspace);
  const View logits = pass.workspace.view(in.rows, spec.experts);
  const MatmulOutput router = weights.router.to(logits);
  pass.backend.matmul(in, {&router, 1});
  const Routing routing = pass.workspace.routing(in.rows, spec.route.used);
  pass.backend.route_experts(logits, spec.route, routing);

  const std::int64_t picks = in.rows * spec.route.used;
  const auto run = [&](const Linear& experts, View from, View to) {
    pass.backend.expert_matmul(from, *experts.weight, experts.expert_scale_data(),
                               experts.bias_data(), routing, to);
  };
  const View up = pass.workspace.view(picks, spec.width);
  run(weights.up, in, up);
  if (weights.gate) {
    const View gate = pass.workspace.view(picks, spec.width);
    run(weights.gate, in, gate);
    pass.backend.gated_activation(gate, up, spec.activation, up);
  } else {
    pass.backend.gated_activation(up, View{}, spec.activation, up);
  }
  const View down = pass.workspace.view(picks, out.columns);
  run(weights.down, up, down);
  pass.backend.combine_experts(down, routing, out);
}

}  // namespace linnet
