#include "model/blocks/hyper_connection.hpp"

#include "model/blocks/elementwise.hpp"
#include "model/blocks/normalise.hpp"
#include "model/blocks/project.hpp"

namespace linnet {
namespace {

// No stream takes in another one: the mixes have parts for reading and writing, none for mixing.
bool are_apart(const HyperConnectionSpec& spec) { return spec.iterations == 0; }

// The mean of the streams, each normalised and gated.
View read_gated(const Pass& pass, const HyperConnectionWeights& weights, View streams, View write) {
  const HyperConnectionSpec& spec = pass.model.residual.hyper_connection;
  const View all = all_streams(pass.model, streams);
  const View x = pass.workspace.view(all.rows, pass.model.width);
  const Workspace::Scope scope(pass.workspace);
  const View normed = pass.workspace.view(all.rows, all.columns);
  NormParams norm = weights.norm.params(NormKind::kRms, pass.model.norm_epsilon, pass.model.width);
  norm.weight_per_column = true;
  pass.backend.norm(all, norm, normed);
  if (write.data) project(pass, weights.write, normed, write);
  const View low = project(pass, weights.gate_down, normed);
  apply(pass.backend, Activation::kSilu, low);
  const View gate = project(pass, weights.gate_up, low);
  pass.backend.multiply_gate(gate, Activation::kSigmoid, normed);
  const View share = pass.workspace.view(all.rows, spec.streams);
  pass.backend.fill(share, 1.0f / static_cast<float>(spec.streams));
  pass.backend.mix_streams(normed, share, x.columns, x);
  return x;
}

// Each stream takes in 2 * sigmoid(write) of the result.
void write_gated(const Pass& pass, View write, View streams) {
  const Workspace::Scope scope(pass.workspace);
  const View all = all_streams(pass.model, streams);
  const View more = pass.workspace.view(all.rows, all.columns);
  const View result = block_result(pass.model, streams);
  for (std::int64_t first = 0; first < all.columns; first += result.columns) {
    pass.backend.copy(result, more.slice(first, result.columns));
  }
  pass.backend.multiply_gate(write, Activation::kSigmoid, more);
  pass.backend.add_scaled(more, 2.0f, 1.0f, all);
}

HyperConnectionWeights load_gated(WeightLoader& loader, const ModelSpec& spec,
                                  const std::string& stem, bool writes) {
  const std::int64_t streams = spec.residual.hyper_connection.streams,
                     rank = spec.residual.hyper_connection.gate_rank;
  const std::int64_t columns = streams * spec.width;
  const float share = 1.0f / static_cast<float>(streams);
  HyperConnectionWeights weights;
  weights.norm = loader.norm(stem + "_norm", columns);
  weights.gate_down = loader.linear(stem + "_down", columns, rank);
  weights.gate_down.scale *= share;
  weights.gate_up = loader.linear(stem + "_up", rank, columns);
  if (!writes) return weights;
  weights.write = loader.linear(stem + "_inject", columns, streams);
  weights.write.scale *= share;
  return weights;
}

// How much of the block's result streams take in that stay apart, and so what they were:
// make_write_weights() has seen to that.
void weigh_result(const Pass& pass, const HyperConnectionWeights& weights, View mixes, View write) {
  const HyperConnectionSpec& spec = pass.model.residual.hyper_connection;
  const std::int64_t count = spec.streams;
  const View factors = pass.workspace.view(mixes.rows, count);
  pass.backend.stream_weights(mixes.slice(count, count),
                              {spec.streams, spec.epsilon / spec.magnitude, spec.iterations,
                               weights.scale->data() + 1, weights.base->data() + count},
                              factors, View{});
  pass.backend.scale(factors, spec.magnitude);
  // One below another, as rows are too short to have gaps between them: see Workspace::view.
  const std::int64_t all = mixes.rows * count;
  pass.backend.copy({factors.data, all, 1, 1}, {write.data + count, all, 1, count + 1});
}

}  // namespace

View all_streams(const ModelSpec& spec, View streams) {
  return streams.slice(0, spec.residual.hyper_connection.streams * spec.width);
}

HyperConnectionWeights load_hyper_connection(WeightLoader& loader, const ModelSpec& spec,
                                             const std::string& stem, bool writes) {
  HyperConnectionWeights weights;
  const std::int64_t streams = spec.residual.hyper_connection.streams;
  if (streams == 0) return weights;
  if (spec.residual.hyper_connection.gate_rank > 0) return load_gated(loader, spec, stem, writes);
  const bool apart = are_apart(spec.residual.hyper_connection);
  const std::int64_t parts = !writes ? 1 : apart ? 2 : 3;
  const std::int64_t mixes = streams * (parts < 3 ? parts : 2 + streams);
  weights.mixes = loader.linear(stem + "_fn", streams * spec.width, mixes);
  weights.scale = loader.vector(stem + "_scale.weight", parts);
  weights.base = loader.vector(stem + "_base.weight", mixes);
  return weights;
}

std::int64_t hyper_connection_columns(const ModelSpec& spec) {
  const std::int64_t streams = spec.residual.hyper_connection.streams;
  if (streams == 0) return 0;
  // A block's result with the streams, and the gates.
  const std::int64_t gated = spec.residual.hyper_connection.gate_rank > 0
                                 ? streams * spec.width + spec.residual.hyper_connection.gate_rank
                                 : 0;
  // Streams and result; in a layer those without length, and twice what is read and how.
  return gated + (2 * streams + 1 + 2 * 2) * spec.width + 3 * streams * (streams + 3);
}

View spread_to_streams(const Pass& pass, View x) {
  const int count = pass.model.residual.hyper_connection.streams;
  const View streams = pass.workspace.view(x.rows, (count + 1) * x.columns);
  for (int i = 0; i < count; ++i) {
    pass.backend.copy(x, streams.slice(i * x.columns, x.columns));
  }
  return streams;
}

View block_result(const ModelSpec& spec, View streams) {
  return streams.slice(spec.residual.hyper_connection.streams * spec.width, spec.width);
}

View make_write_weights(const Pass& pass, View streams) {
  const HyperConnectionSpec& spec = pass.model.residual.hyper_connection;
  const std::int64_t count = spec.streams;
  if (spec.gate_rank > 0) return pass.workspace.view(streams.rows, count);
  const View write = pass.workspace.view(streams.rows, count * (count + 1));
  if (!are_apart(spec)) return write;
  pass.backend.fill(write, 0.0f);
  for (std::int64_t i = 0; i < count; ++i) {
    pass.backend.fill(write.slice(i * (count + 1) + i, 1), 1.0f);
  }
  return write;
}

View read_streams(const Pass& pass, const HyperConnectionWeights& weights, View streams,
                  View write) {
  const HyperConnectionSpec& spec = pass.model.residual.hyper_connection;
  if (spec.gate_rank > 0) return read_gated(pass, weights, streams, write);
  const View all = all_streams(pass.model, streams);
  const View x = pass.workspace.view(streams.rows, pass.model.width);
  const Workspace::Scope scope(pass.workspace);
  const View normed = pass.workspace.view(all.rows, all.columns);
  normalise_rms_unweighted(pass, all, normed);
  const View mixes = project(pass, weights.mixes, normed);
  const View read = pass.workspace.view(all.rows, spec.streams);
  const bool apart = are_apart(spec);
  pass.backend.stream_weights(
      mixes,
      {spec.streams, spec.epsilon, spec.iterations, weights.scale->data(), weights.base->data()},
      read, apart ? View{} : write);
  if (apart && write.data) weigh_result(pass, weights, mixes, write);
  pass.backend.mix_streams(all, read, x.columns, x);
  return x;
}

void write_streams(const Pass& pass, View write, View streams) {
  if (pass.model.residual.hyper_connection.gate_rank > 0) return write_gated(pass, write, streams);
  pass.backend.mix_streams(streams, write, pass.model.width, all_streams(pass.model, streams));
}

}  // namespace linnet
