#include "model/blocks/residual_mix.hpp"

#include "model/blocks/elementwise.hpp"
#include "model/blocks/normalise.hpp"
#include "model/blocks/project.hpp"

namespace linnet {
namespace {

// [rows, 1]
void score(const Pass& pass, const ResidualMixWeights& weights, View state, View scratch,
           View out) {
  normalise_rms_unweighted(pass, state, scratch);
  project(pass, weights.score, scratch, out);
}

}  // namespace

ResidualMixWeights load_residual_mix(WeightLoader& loader, const ModelSpec& spec,
                                     const std::string& stem) {
  if (spec.residual.attention_group == 0) return {};
  return {loader.linear(stem, spec.width, 1)};
}

std::int64_t residual_mix_states(const ModelSpec& spec) {
  if (spec.residual.attention_group == 0) return 0;
  return (std::ssize(spec.layers) + spec.residual.attention_group - 1) /
         spec.residual.attention_group;
}

std::int64_t residual_mix_columns(const ModelSpec& spec) {
  if (spec.residual.attention_group == 0) return 0;
  return (residual_mix_states(spec) + 4) * spec.width + 4;  // two mixtures are alive in a layer
}

// The softmax grows by one state at a time: beside states of the total weight exp(total), the share
// of one with the score s is sigmoid(s - total), and total becomes total + softplus(s - total).
View mix_residuals(const Pass& pass, const ResidualMixWeights& weights,
                   std::span<const View> earlier, View x) {
  if (earlier.empty()) return x;
  Backend& backend = pass.backend;
  const View mixture = pass.workspace.view(x.rows, x.columns);
  const Workspace::Scope scope(pass.workspace);
  const View scratch = pass.workspace.view(x.rows, x.columns);
  const View total = pass.workspace.view(x.rows, 1);
  const View share = pass.workspace.view(x.rows, 1);
  score(pass, weights, x, scratch, total);
  backend.copy(x, mixture);
  for (const View& state : earlier) {
    score(pass, weights, state, scratch, share);
    backend.add_scaled(total, -1.0f, 1.0f, share);
    backend.copy(state, scratch);
    backend.add_scaled(mixture, -1.0f, 1.0f, scratch);
    backend.multiply_gate(share, Activation::kSigmoid, scratch);
    add(backend, scratch, mixture);
    apply(backend, Activation::kSoftplus, share);
    add(backend, share, total);
  }
  return mixture;
}

}  // namespace linnet
