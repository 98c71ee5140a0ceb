#include "model/blocks/mlp.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/blocks/elementwise.hpp"
#include "model/blocks/gate.hpp"
#include "model/blocks/normalise.hpp"
#include "model/blocks/project.hpp"

namespace linnet {
namespace {

// In feed-forward parts llama.cpp, which defines the files, scales the bias too.
constexpr auto kOrder = ScaleOrder::kAfterBias;

std::unique_ptr<Buffer> load_inner_scale(WeightLoader& loader, std::int64_t width,
                                         const std::string& prefix) {
  // The file has divisors (MPT of AWQ).
  std::vector<float> scale = loader.values(prefix + ".ffn.act.scales", width, Presence::kOptional);
  for (float& value : scale) value = 1.0f / value;
  return loader.upload(scale);
}

// Nothing comes between the products and the activation.
bool has_plain_gate(const MlpSpec& spec, const MlpWeights& weights) {
  return weights.gate && !weights.gate_adapter && !weights.up_adapter &&
         spec.top_k_deviations == 0.0f && is_plain(spec.gate);
}

// [rows, width]: activation(gate) * up
View expand(const Pass& pass, const MlpSpec& spec, const MlpWeights& weights, View in) {
  const View both = pass.workspace.view(in.rows, 2 * std::int64_t{spec.width});
  const View gate = both.slice(0, spec.width);
  const View up = both.slice(spec.width, spec.width);
  if (weights.gate_and_up) {
    project(pass, weights.gate_and_up, in, both);
    activate_gate(pass, spec.gate, gate, up, up);
  } else if (has_plain_gate(spec, weights)) {
    project_gated(pass, in, {weights.gate, gate}, {weights.up, up}, spec.gate.activation);
  } else if (weights.gate) {
    project(pass, in, {{weights.gate, gate}, {weights.up, up}});
    add_adapter(pass, weights.gate_adapter, in, gate);
    add_adapter(pass, weights.up_adapter, in, up);
    if (spec.top_k_deviations > 0.0f) pass.backend.cut_below(gate, spec.top_k_deviations);
    activate_gate(pass, spec.gate, gate, up, up);
  } else {
    project(pass, weights.up, in, up);
    activate(pass, spec.gate, up, gate);
  }
  return up;
}

}  // namespace

MlpWeights load_mlp(WeightLoader& loader, const MlpSpec& spec, const ModelSpec& model,
                    const std::string& prefix, std::string_view suffix) {
  const std::int64_t width = model.width;
  const auto name = [&](std::string_view part) {
    return fmt::format("{}.ffn_{}{}", prefix, part, suffix);
  };
  MlpWeights weights;
  if (!spec.projected) return weights;
  const std::string_view up = spec.exchanged_names ? "down" : "up";
  const std::string_view down = spec.exchanged_names ? "up" : "down";
  weights.gate = loader.linear(name("gate"), width, spec.width, Presence::kOptional, kOrder);
  if (!weights.gate && loader.rows(name(up)) == 2 * std::int64_t{spec.width}) {
    weights.gate_and_up =
        loader.linear(name(up), width, 2 * std::int64_t{spec.width}, Presence::kRequired, kOrder);
  } else {
    weights.up = loader.linear(name(up), width, spec.width, Presence::kRequired, kOrder);
  }
  weights.down = loader.linear(name(down), spec.width, width, Presence::kRequired, kOrder);
  if (suffix.empty()) {
    const AdaptersSpec& adapters = model.adapters;
    weights.gate_adapter = load_adapter(loader, adapters, name("gate"), width, spec.width);
    weights.up_adapter = load_adapter(loader, adapters, name("up"), width, spec.width);
    weights.down_adapter = load_adapter(loader, adapters, name("down"), spec.width, width);
    weights.inner_norm = loader.norm(prefix + ".ffn_sub_norm", spec.width, Presence::kOptional);
    weights.inner_scale = load_inner_scale(loader, spec.width, prefix);
  }
  return weights;
}

std::int64_t mlp_columns(const MlpSpec& spec, const ModelSpec& model) {
  return 2 * std::int64_t{spec.width} +
         adapter_columns(model.adapters, std::max<std::int64_t>(spec.width, model.width));
}

void mlp_block(const Pass& pass, const MlpSpec& spec, const MlpWeights& weights, View in, View out,
               bool accumulate) {
  const Workspace::Scope scope(pass.workspace);
  if (!spec.projected) {
    const View result = pass.workspace.view(in.rows, in.columns);
    pass.backend.gated_activation(in, View{}, spec.gate.activation, result);
    if (!accumulate) pass.backend.fill(out, 0.0f);
    return add(pass.backend, result, out);
  }
  const View inner = expand(pass, spec, weights, in);
  if (weights.inner_scale) multiply_columns(pass.backend, inner, *weights.inner_scale, inner);
  if (weights.inner_norm) normalise(pass, weights.inner_norm, inner);
  project(pass, weights.down, inner, out, accumulate);
  add_adapter(pass, weights.down_adapter, inner, out);
}

}  // namespace linnet
