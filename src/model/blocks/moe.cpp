#include "model/blocks/moe.hpp"

namespace linnet {
namespace {

Routing route(const Pass& pass, const MoeSpec& spec, const MoeWeights& weights, View in) {
  const View logits = pass.workspace.view(in.rows, spec.experts);
  const MatmulOutput router = weights.router.to(logits);
  pass.backend.matmul(in, {&router, 1});
  const Routing routing = pass.workspace.routing(in.rows, spec.route.used);
  RouteParams params = spec.route;
  params.selection_bias = weights.selection_bias ? weights.selection_bias->data() : nullptr;
  pass.backend.route_experts(logits, params, routing);
  return routing;
}

// The rows of `in` once for each expert that they use, times its weight, which then is 1.
View weighed_rows(const Pass& pass, const Routing& routing, View in) {
  std::vector<std::int32_t> rows(static_cast<std::size_t>(routing.rows * routing.used));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i] = static_cast<std::int32_t>(i / routing.used);
  }
  const auto picks = static_cast<std::int64_t>(rows.size());
  const View weighed = pass.workspace.view(picks, in.columns);
  pass.backend.gather_rows(in, rows, weighed);
  pass.backend.scale_rows(weighed, routing.weights);
  pass.backend.fill({routing.weights, 1, picks, picks}, 1.0f);
  return weighed;
}

}  // namespace

MoeWeights load_moe(WeightLoader& loader, const MoeSpec& spec, std::int64_t width,
                    const std::string& prefix) {
  MoeWeights weights;
  weights.router = loader.linear(prefix + ".ffn_gate_inp", width, spec.experts);
  for (const char* name : {".exp_probs_b.bias", ".exp_probs_b"}) {
    if (!loader.has(prefix + name)) continue;
    weights.selection_bias = loader.vector(prefix + name, spec.experts);
  }
  weights.gate_and_up =
      loader.experts(prefix + ".ffn_gate_up_exps", width, 2 * std::int64_t{spec.width},
                     spec.experts, Presence::kOptional);
  if (!weights.gate_and_up) {
    weights.gate = loader.experts(prefix + ".ffn_gate_exps", width, spec.width, spec.experts,
                                  Presence::kOptional);
    weights.up = loader.experts(prefix + ".ffn_up_exps", width, spec.width, spec.experts);
  }
  weights.down = loader.experts(prefix + ".ffn_down_exps", spec.width, width, spec.experts);
  return weights;
}

std::int64_t moe_columns(const MoeSpec& spec, std::int64_t width) {
  const std::int64_t used = spec.route.used;
  return spec.experts + used * (2 + 2 * spec.width + (spec.weigh_input ? 2 : 1) * width);
}

void moe_block(const Pass& pass, const MoeSpec& spec, const MoeWeights& weights, View router_in,
               View in, View out) {
  const Workspace::Scope scope(pass.workspace);
  const Routing routing = route(pass, spec, weights, router_in);
  if (spec.weigh_input) in = weighed_rows(pass, routing, in);

  const std::int64_t picks = routing.rows * spec.route.used;
  const auto run = [&](const Linear& experts, View from, View to) {
    pass.backend.expert_matmul(from, *experts.weight, experts.expert_scale_data(),
                               experts.bias_data(), routing, to);
  };
  const View both = pass.workspace.view(picks, 2 * std::int64_t{spec.width});
  const View gate = both.slice(0, spec.width);
  const View up = both.slice(spec.width, spec.width);
  if (weights.gate_and_up) {
    run(weights.gate_and_up, in, both);
  } else {
    run(weights.up, in, up);
    if (weights.gate) run(weights.gate, in, gate);
  }
  const bool gated = weights.gate || weights.gate_and_up;
  pass.backend.gated_activation(gated ? gate : up, gated ? up : View{}, spec.activation, up);
  const View down = pass.workspace.view(picks, out.columns);
  run(weights.down, up, down);
  pass.backend.combine_experts(down, routing, out);
}

}  // namespace linnet
