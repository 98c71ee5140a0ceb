#include "model/blocks/mlp.hpp"

namespace linnet {

MlpWeights load_mlp(WeightLoader& loader, const MlpSpec& spec, std::int64_t width,
                    const std::string& prefix) {
  // In feed-forward parts llama.cpp, which defines the files, scales the bias too.
  const auto kOrder = spec.scaled ? ScaleOrder::kAfterBias : ScaleOrder::kBeforeBias;
  MlpWeights weights;
  weights.gate =
      loader.linear(prefix + ".ffn_gate", width, spec.width, Presence::kOptional, kOrder);
  weights.up = loader.linear(prefix + ".ffn_up", width, spec.width, Presence::kRequired, kOrder);
  weights.down =
      loader.linear(prefix + ".ffn_down", spec.width, width, Presence::kRequired, kOrder);
  if (!spec.scaled) weights.gate.scale = weights.up.scale = weights.down.scale = 1.0f;
  return weights;
}

std::int64_t mlp_columns(const MlpSpec& spec) { return 2 * std::int64_t{spec.width}; }

void mlp_block(const Pass& pass, const MlpSpec& spec, const MlpWeights& weights, View in, View out,
               bool accumulate) {
  const Workspace::Scope scope(pass.workspace);
  const View up = pass.workspace.view(in.rows, spec.width);
  if (weights.gate) {
    const View gate = pass.workspace.view(in.rows, spec.width);
    const MatmulOutput outputs[] = {weights.gate.to(gate), weights.up.to(up)};
    pass.backend.matmul(in, outputs);
    pass.backend.gated_activation(gate, up, spec.activation, up);
  } else {
    const MatmulOutput output = weights.up.to(up);
    pass.backend.matmul(in, {&output, 1});
    pass.backend.gated_activation(up, View{}, spec.activation, up);
  }
  const MatmulOutput output = accumulate ? weights.down.add_to(out) : weights.down.to(out);
  pass.backend.matmul(up, {&output, 1});
}

}  // namespace linnet
