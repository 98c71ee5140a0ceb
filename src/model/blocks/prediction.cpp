#include "model/blocks/prediction.hpp"

#include <fmt/format.h>

#include "model/blocks/elementwise.hpp"
#include "model/blocks/normalise.hpp"
#include "model/blocks/project.hpp"
#include "model/given_rows.hpp"

namespace linnet {

std::string prediction_tensor(const ModelSpec& model, std::string_view part) {
  return fmt::format("{}.{}.nextn.{}", model.layer_name, model.first_block, part);
}

PredictionWeights load_prediction(WeightLoader& loader, const ModelSpec& model) {
  if (!model.predicts) return {};
  const auto name = [&](std::string_view part) { return prediction_tensor(model, part); };
  PredictionWeights weights;
  weights.token_norm = loader.norm(name("enorm"), model.width);
  weights.hidden_norm = loader.norm(name("hnorm"), model.width);
  weights.projection = loader.linear(name("eh_proj"), 2 * model.width, model.width);
  return weights;
}

std::int64_t prediction_columns(const ModelSpec& model) {
  return model.predicts ? 2 * model.width : 0;
}

void join_hidden(const Pass& pass, const PredictionWeights& weights, View x) {
  const Workspace::Scope scope(pass.workspace);
  const std::int64_t width = pass.model.width;
  const View both = pass.workspace.view(x.rows, 2 * width);
  const View token = both.slice(0, width), hidden = both.slice(width, width);
  normalise(pass, weights.token_norm, x, token);
  pass.backend.fill(hidden, 0.0f);
  for (const GivenRows& given : pass.given) {
    upload_rows(pass.backend, given.values, width, some_rows(hidden, given.first, given.rows));
  }
  normalise(pass, weights.hidden_norm, hidden);
  project(pass, weights.projection, both, x);
}

}  // namespace linnet
