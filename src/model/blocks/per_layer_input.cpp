#include "model/blocks/per_layer_input.hpp"

#include <cmath>
#include <numbers>

#include "model/blocks/normalise.hpp"
#include "model/blocks/project.hpp"

namespace linnet {

PerLayerTable load_per_layer_table(WeightLoader& loader, const ModelSpec& spec) {
  PerLayerTable table;
  if (spec.per_layer_width == 0) return table;
  const std::int64_t all = spec.per_layer_width * std::ssize(spec.layers);
  table.embedding = loader.table("per_layer_token_embd", all, spec.vocabulary);
  table.projection = loader.linear("per_layer_model_proj", spec.width, all);
  table.norm = loader.norm("per_layer_proj_norm", spec.per_layer_width);
  return table;
}

PerLayerWeights load_per_layer(WeightLoader& loader, const ModelSpec& spec,
                               const std::string& prefix) {
  PerLayerWeights weights;
  if (spec.per_layer_width == 0) return weights;
  weights.gate = loader.linear(prefix + ".inp_gate", spec.width, spec.per_layer_width);
  weights.projection = loader.linear(prefix + ".proj", spec.per_layer_width, spec.width);
  weights.norm = loader.norm(prefix + ".post_norm", spec.width);
  return weights;
}

void make_per_layer_inputs(const Pass& pass, const PerLayerTable& table, View x, View out) {
  const Workspace::Scope scope(pass.workspace);
  const View projected = project(pass, table.projection, x);
  pass.backend.scale(projected, 1.0f / std::sqrt(static_cast<float>(x.columns)));
  pass.backend.norm(
      projected,
      table.norm.params(pass.model.norm, pass.model.norm_epsilon, pass.model.per_layer_width),
      projected);

  constexpr float kHalf = 1.0f / std::numbers::sqrt2_v<float>;
  const float scale = std::sqrt(static_cast<float>(pass.model.per_layer_width));
  pass.backend.embed_rows(*table.embedding, pass.tokens, out);
  pass.backend.add_scaled(projected, kHalf, scale * kHalf, out);
}

void per_layer_block(const Pass& pass, const PerLayerWeights& weights, View input, View in,
                     View out) {
  const Workspace::Scope scope(pass.workspace);
  const View gate = project(pass, weights.gate, in);
  pass.backend.gated_activation(gate, input, Activation::kGeluOfHalves, gate);
  project(pass, weights.projection, gate, out);
  normalise(pass, weights.norm, out);
}

}  // namespace linnet
