#include "model/blocks/moe.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/blocks/elementwise.hpp"
#include "model/blocks/gate.hpp"
#include "model/blocks/normalise.hpp"
#include "model/blocks/project.hpp"

namespace linnet {
namespace {

// The experts that the table names for the rows' tokens.
void look_up_experts(const Pass& pass, const MoeWeights& weights, const Routing& routing) {
  std::vector<std::int32_t> experts;
  for (const TokenId token : pass.tokens) {
    const auto named = weights.table.begin() + std::ptrdiff_t{token} * routing.used;
    experts.insert(experts.end(), named, named + routing.used);
  }
  pass.backend.upload(experts, routing.experts);
}

Routing route(const Pass& pass, const MoeSpec& spec, const MoeWeights& weights, View in) {
  const View logits = project(pass, weights.router, in);
  const Routing routing = pass.workspace.routing(in.rows, spec.route.used);
  RouteParams params = spec.route;
  params.selection_bias = weights.selection_bias ? weights.selection_bias->data() : nullptr;
  if (spec.hash_routed_tokens > 0) {
    look_up_experts(pass, weights, routing);
    params.given = true;
  }
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

std::vector<std::int32_t> load_table(WeightLoader& loader, const MoeSpec& spec,
                                     const std::string& name) {
  std::vector<std::int32_t> table;
  if (spec.hash_routed_tokens == 0) return table;
  for (const float value : loader.matrix_values(name, spec.route.used, spec.hash_routed_tokens)) {
    if (!(value >= 0.0f && value < static_cast<float>(spec.experts))) {
      loader.fail(fmt::format("tensor {} names the expert {}, expected 0 to {}", name, value,
                              spec.experts - 1));
      return {};
    }
    table.push_back(static_cast<std::int32_t>(value));
  }
  return table;
}

// The two projections have two names, each in the files of one architecture.
void load_latent(WeightLoader& loader, const MoeSpec& spec, std::int64_t width,
                 const std::string& prefix, MoeWeights& weights) {
  if (spec.latent_width == 0) return;
  const bool routed = loader.has(prefix + ".ffn_routed_down.weight");
  const std::string stem = prefix + (routed ? ".ffn_routed" : ".ffn_latent");
  weights.latent_down = loader.linear(stem + "_down", width, spec.latent_width);
  weights.latent_up = loader.linear(stem + "_up", spec.latent_width, width);
  weights.latent_norm = loader.norm(stem + "_norm", spec.latent_width, Presence::kOptional);
}

ExpertWeights load_adjugates(WeightLoader& loader, const MoeSpec& spec, std::int64_t width,
                             const std::string& prefix) {
  const int count = spec.experts / spec.adjugate.group_size;
  ExpertWeights adjugates;
  adjugates.gate = loader.experts(prefix + ".ffn_gate_chexps", width, spec.adjugate.width, count);
  adjugates.up = loader.experts(prefix + ".ffn_up_chexps", width, spec.adjugate.width, count);
  adjugates.down = loader.experts(prefix + ".ffn_down_chexps", spec.adjugate.width, width, count);
  return adjugates;
}

}  // namespace

MoeWeights load_moe(WeightLoader& loader, const MoeSpec& spec, std::int64_t width,
                    const std::string& prefix) {
  MoeWeights weights;
  const bool has_own_norm = spec.input == MoeSpec::Input::kOwnNorms;
  weights.router = loader.linear(prefix + ".ffn_gate_inp", width, spec.experts, Presence::kRequired,
                                 has_own_norm ? ScaleOrder::kNone : ScaleOrder::kBeforeBias);
  for (const char* name : {".exp_probs_b.bias", ".exp_probs_b", ".exp_probs_b.weight"}) {
    if (!loader.has(prefix + name)) continue;
    weights.selection_bias = loader.vector(prefix + name, spec.experts);
  }
  weights.table = load_table(loader, spec, prefix + ".ffn_gate_tid2eid.weight");
  load_latent(loader, spec, width, prefix, weights);
  if (spec.latent_width > 0) width = spec.latent_width;
  ExpertWeights& experts = weights.experts;
  experts.gate_and_up =
      loader.experts(prefix + ".ffn_gate_up_exps", width, 2 * std::int64_t{spec.width},
                     spec.experts, Presence::kOptional);
  if (!experts.gate_and_up) {
    experts.gate = loader.experts(prefix + ".ffn_gate_exps", width, spec.width, spec.experts,
                                  Presence::kOptional);
    experts.up = loader.experts(prefix + ".ffn_up_exps", width, spec.width, spec.experts);
  }
  experts.down = loader.experts(prefix + ".ffn_down_exps", spec.width, width, spec.experts);
  if (spec.adjugate.group_size > 0) weights.adjugates = load_adjugates(loader, spec, width, prefix);
  return weights;
}

std::int64_t moe_columns(const MoeSpec& spec, std::int64_t width) {
  const std::int64_t used = spec.route.used;
  width = std::max<std::int64_t>(width, spec.latent_width);
  const std::int64_t widest = std::max(spec.width, spec.adjugate.width);
  return spec.experts + used * (2 + 2 * widest + (spec.weigh_input ? 2 : 1) * width) +
         (spec.adjugate.group_size > 0 ? 2 * width : 0) + 2 * spec.latent_width;
}

namespace {

ExpertOutput output_of(const Linear& experts, View out) {
  return {experts.weight.get(), out, experts.expert_scale_data(), experts.bias_data()};
}

// out += what the experts of `routing`, of `width` columns, make of `in`.
void run_experts(const Pass& pass, const GateSpec& gate, int width, const ExpertWeights& weights,
                 const Routing& routing, View in, View out) {
  const Workspace::Scope scope(pass.workspace);
  const std::int64_t picks = routing.rows * routing.used;
  const auto run = [&](const Linear& experts, View from, View to) {
    pass.backend.expert_matmul(from, *experts.weight, experts.expert_scale_data(),
                               experts.bias_data(), routing, to);
  };
  const View both = pass.workspace.view(picks, 2 * std::int64_t{width});
  const View left = both.slice(0, width);
  const View right = both.slice(width, width);
  if (weights.gate_and_up) {
    run(weights.gate_and_up, in, both);
    activate_gate(pass, gate, left, right, right);
  } else if (weights.gate && is_plain(gate)) {
    pass.backend.gated_expert_matmul(in, output_of(weights.gate, left),
                                     output_of(weights.up, right), routing, gate.activation);
  } else if (weights.gate) {
    run(weights.up, in, right);
    run(weights.gate, in, left);
    activate_gate(pass, gate, left, right, right);
  } else {
    run(weights.up, in, right);
    activate(pass, gate, right, left);
  }
  const View result = pass.workspace.view(picks, out.columns);
  run(weights.down, right, result);
  pass.backend.combine_experts(result, routing, out);
}

// out += up(norm(experts(down(in)))).
void run_in_latent_space(const Pass& pass, const MoeSpec& spec, const MoeWeights& weights,
                         const Routing& routing, View in, View out) {
  const View low = project(pass, weights.latent_down, in);
  const View result = pass.workspace.view(in.rows, spec.latent_width);
  pass.backend.fill(result, 0.0f);
  run_experts(pass, spec.gate, spec.width, weights.experts, routing, low, result);
  if (weights.latent_norm) normalise_rms(pass, weights.latent_norm, result);
  project(pass, weights.latent_up, result, out, /*accumulate=*/true);
}

// out += experts(in) + scale * adjugates(experts(in)), where each expert goes to the one of its
// group.
void run_with_adjugates(const Pass& pass, const MoeSpec& spec, const MoeWeights& weights,
                        const Routing& routing, View in, View out) {
  const View first = pass.workspace.view(out.rows, out.columns);
  const View second = pass.workspace.view(out.rows, out.columns);
  pass.backend.fill(first, 0.0f);
  pass.backend.fill(second, 0.0f);
  run_experts(pass, spec.gate, spec.width, weights.experts, routing, in, first);
  pass.backend.group_experts(spec.adjugate.group_size, routing);
  run_experts(pass, spec.gate, spec.adjugate.width, weights.adjugates, routing, first, second);
  add(pass.backend, first, out);
  pass.backend.add_scaled(second, spec.adjugate.scale, 1.0f, out);
}

}  // namespace

void moe_block(const Pass& pass, const MoeSpec& spec, const MoeWeights& weights, View router_in,
               View in, View out) {
  const Workspace::Scope scope(pass.workspace);
  const Routing routing = route(pass, spec, weights, router_in);
  if (spec.weigh_input) in = weighed_rows(pass, routing, in);
  if (spec.latent_width > 0) return run_in_latent_space(pass, spec, weights, routing, in, out);
  if (spec.adjugate.group_size > 0) {
    return run_with_adjugates(pass, spec, weights, routing, in, out);
  }
  run_experts(pass, spec.gate, spec.width, weights.experts, routing, in, out);
}

}  // namespace linnet
