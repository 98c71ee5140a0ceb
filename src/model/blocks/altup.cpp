#include "model/blocks/altup.hpp"

#include "model/blocks/elementwise.hpp"
#include "model/blocks/normalise.hpp"
#include "model/blocks/project.hpp"

namespace linnet {
namespace {

// The root mean square of each row, [rows, 1].
View magnitude(const Pass& pass, const AltupTable& table, View x) {
  const View result = pass.workspace.view(x.rows, 1);
  pass.backend.dot_heads(x, x, table.mean->data(), result);
  apply(pass.backend, Activation::kSquareRoot, result);
  return result;
}

// Rows of `x` get the magnitude of `like`.
void match_magnitude(const Pass& pass, View like, View x) {
  constexpr float kTiny = 1e-30f;
  pass.backend.norm(x, {NormKind::kRms, kTiny}, x);
  pass.backend.multiply_gate(like, Activation::kIdentity, x);
}

// out += factor [rows, 1] * x
void add_weighed(const Pass& pass, View factor, View x, View out) {
  const Workspace::Scope scope(pass.workspace);
  const View weighed = pass.workspace.view(x.rows, x.columns);
  pass.backend.copy(x, weighed);
  pass.backend.multiply_gate(factor, Activation::kIdentity, weighed);
  add(pass.backend, weighed, out);
}

// [rows, streams]: how the streams are mixed for this token.
View route(const Pass& pass, const AltupWeights& weights, View x) {
  const View modalities = pass.workspace.view(x.rows, pass.model.residual.altup_streams);
  const Workspace::Scope scope(pass.workspace);
  const View normed = normalised(pass, weights.router_norm, NormUse::kWeights, x);
  pass.backend.scale(normed, 1.0f / static_cast<float>(x.columns));
  project(pass, weights.router, normed, modalities);
  apply(pass.backend, Activation::kTanh, modalities);
  return modalities;
}

}  // namespace

AltupTable load_altup_table(WeightLoader& loader, const ModelSpec& spec, const std::string& stem) {
  AltupTable table;
  if (spec.residual.altup_streams == 0) return table;
  const int others = spec.residual.altup_streams - 1;
  table.projections = loader.slices(stem, spec.width, spec.width, others);
  const auto width = static_cast<std::size_t>(spec.width);
  table.mean = loader.upload(std::vector<float>(width, 1.0f / static_cast<float>(width)));
  return table;
}

AltupWeights load_altup(WeightLoader& loader, const ModelSpec& spec, const std::string& prefix) {
  AltupWeights weights;
  if (spec.residual.altup_streams == 0) return weights;
  const std::int64_t streams = spec.residual.altup_streams;
  weights.router_norm = loader.norm(prefix + ".altup_router_norm", spec.width);
  weights.router = loader.linear(prefix + ".altup_router", spec.width, streams);
  weights.predict = loader.linear(prefix + ".altup_predict_coef", streams, streams * streams);
  weights.correct = loader.linear(prefix + ".altup_correct_coef", streams, streams);
  weights.correct_scale = loader.vector(prefix + ".altup_correct_scale.weight", spec.width);
  const std::int64_t rank = loader.rows(prefix + ".laurel_l");
  weights.laurel_left = loader.linear(prefix + ".laurel_l", spec.width, rank);
  weights.laurel_right = loader.linear(prefix + ".laurel_r", rank, spec.width);
  weights.laurel_norm = loader.norm(prefix + ".laurel_post_norm", spec.width);
  return weights;
}

std::int64_t altup_columns(const ModelSpec& spec) {
  if (spec.residual.altup_streams == 0) return 0;
  // Streams, predictions, and what is between them in a layer.
  return (2 * std::int64_t{spec.residual.altup_streams} + 8) * spec.width +
         spec.residual.altup_streams * (spec.residual.altup_streams + 2) + 2;
}

std::vector<View> spread_streams(const Pass& pass, const AltupTable& table, View x) {
  std::vector<View> streams = {x};
  for (const Linear& spread : table.projections) {
    streams.push_back(pass.workspace.view(x.rows, x.columns));
    project(pass, spread, x, streams.back());
  }
  const Workspace::Scope scope(pass.workspace);
  const View like = magnitude(pass, table, x);
  for (std::size_t i = 1; i < streams.size(); ++i) match_magnitude(pass, like, streams[i]);
  return streams;
}

void gather_streams(const Pass& pass, const AltupTable& table, const std::vector<View>& streams) {
  const Workspace::Scope scope(pass.workspace);
  const View x = streams[0];
  const View like = magnitude(pass, table, x);
  const View back = pass.workspace.view(x.rows, x.columns);
  for (std::size_t i = 1; i < streams.size(); ++i) {
    project(pass, table.projections[i - 1], streams[i], back);
    match_magnitude(pass, like, back);
    add(pass.backend, back, x);
  }
  pass.backend.scale(x, 1.0f / static_cast<float>(streams.size()));
}

std::vector<View> predict_streams(const Pass& pass, const AltupWeights& weights,
                                  const std::vector<View>& streams) {
  std::vector<View> predicted;
  for (const View& stream : streams) {
    predicted.push_back(pass.workspace.view(stream.rows, stream.columns));
    pass.backend.copy(stream, predicted.back());
  }
  const Workspace::Scope scope(pass.workspace);
  const auto count = std::ssize(streams);
  const View modalities = route(pass, weights, streams[0]);
  const View coefficients = pass.workspace.view(modalities.rows, count * count);
  project(pass, weights.predict, modalities, coefficients);
  for (std::ptrdiff_t to = 0; to < count; ++to) {
    for (std::ptrdiff_t from = 0; from < count; ++from) {
      add_weighed(pass, coefficients.slice(to * count + from, 1), streams[from], predicted[to]);
    }
  }
  return predicted;
}

void correct_streams(const Pass& pass, const AltupWeights& weights,
                     const std::vector<View>& predicted, View computed,
                     const std::vector<View>& streams) {
  const Workspace::Scope scope(pass.workspace);
  const View modalities = route(pass, weights, computed);
  const View coefficients = pass.workspace.view(modalities.rows, std::ssize(streams));
  project(pass, weights.correct, modalities, coefficients);
  const View innovation = pass.workspace.view(computed.rows, computed.columns);
  pass.backend.copy(computed, innovation);
  pass.backend.add_scaled(predicted[0], -1.0f, 1.0f, innovation);
  for (std::ptrdiff_t i = 0; i < std::ssize(streams); ++i) {
    pass.backend.copy(predicted[i], streams[i]);
    add(pass.backend, innovation, streams[i]);
    add_weighed(pass, coefficients.slice(i, 1), innovation, streams[i]);
  }
}

void laurel_block(const Pass& pass, const AltupWeights& weights, View in, View out) {
  const Workspace::Scope scope(pass.workspace);
  project(pass, weights.laurel_right, project(pass, weights.laurel_left, in), out);
  normalise(pass, weights.laurel_norm, out);
  add(pass.backend, in, out);
}

}  // namespace linnet
