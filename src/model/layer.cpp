#include "model/layer.hpp"

#include <algorithm>
#include <numbers>

#include "model/blocks/cycles.hpp"
#include "model/blocks/elementwise.hpp"
#include "model/blocks/normalise.hpp"
#include "model/blocks/prediction.hpp"
#include "model/blocks/project.hpp"

namespace linnet {
namespace {

// A layer in a pass.
struct Layer {
  const Pass& pass;
  const LayerWeights& weights;
  int index;

  const LayerSpec& spec() const { return pass.model.layers[index]; }
  View normalised(const Norm& norm, View in) const {
    return linnet::normalised(pass, norm, pass.model.pre_norm, in);
  }
};

// What the feed-forward part of a layer reads.
struct FfnInput {
  View dense;
  View router;
  View experts;

  static FfnInput of(View in) { return {in, in, in}; }
};

// Factors on what a block computes.
struct BlockScale {
  float all = 1.0f;
  const Buffer* columns = nullptr;  // one each, may be null
};

// residual += what a block computes, through its scale, its post-norm and the model's scale.
template <class Block>
void add_to_residual(const Pass& pass, const Norm& post_norm, BlockScale scale, View residual,
                     Block&& block) {
  if (!post_norm && !scale.columns && scale.all * pass.model.residual.scale == 1.0f) {
    return block(residual, true);
  }
  const Workspace::Scope scope(pass.workspace);
  const View out = pass.workspace.view(residual.rows, residual.columns);
  block(out, false);
  if (scale.all != 1.0f) pass.backend.scale(out, scale.all);
  if (scale.columns) multiply_columns(pass.backend, out, *scale.columns, out);
  if (post_norm) {
    pass.backend.norm(out, post_norm.params(pass.model.norm, pass.model.post_norm_epsilon), out);
  }
  pass.backend.add_scaled(out, pass.model.residual.scale, 1.0f, residual);
}

// out += mixer(in), or out = that if `accumulate` is false. Attention and what is recurrent may be
// side by side.
void run_mixer(const Layer& layer, View in, View out, bool accumulate) {
  const auto& [pass, weights, index] = layer;
  const LayerSpec& spec = layer.spec();
  const bool attends =
      spec.latent.heads > 0 || spec.compressed.heads > 0 || spec.attention.heads > 0;
  if (spec.latent.heads > 0) {
    latent_attention_block(pass, spec.latent, weights.latent, index, in, out, accumulate);
  } else if (spec.compressed.heads > 0) {
    compressed_attention_block(pass, spec.compressed, weights.compressed, index, in, out,
                               accumulate);
  } else if (spec.attention.heads > 0) {
    attention_block(pass, spec.attention, weights.attention, index, in, out, accumulate);
  }
  if (weights.recurrent) {
    weights.recurrent->run(pass, {index, 0}, in, out, accumulate || attends);
  }
}

// out += the expert that every token uses, times its gate.
void run_shared(const Layer& layer, View in, View out) {
  const auto& [pass, weights, index] = layer;
  const MlpSpec& spec = layer.spec().shared;
  if (!weights.shared_gate) return mlp_block(pass, spec, weights.shared, in, out, true);
  const Workspace::Scope scope(pass.workspace);
  const View gate = project(pass, weights.shared_gate, in);
  const View result = pass.workspace.view(in.rows, out.columns);
  mlp_block(pass, spec, weights.shared, in, result, false);
  pass.backend.multiply_gate(gate, Activation::kSigmoid, result);
  add(pass.backend, result, out);
}

// What run_ffn() gives where dense part and experts have a norm each after them.
void run_normalised_parts(const Layer& layer, const FfnInput& in, View out, bool accumulate) {
  const auto& [pass, weights, index] = layer;
  const Workspace::Scope scope(pass.workspace);
  const View dense = pass.workspace.view(out.rows, out.columns);
  const View experts = pass.workspace.view(out.rows, out.columns);
  mlp_block(pass, layer.spec().mlp, weights.mlp, in.dense, dense, false);
  normalise(pass, weights.dense_post_norm, dense);
  pass.backend.fill(experts, 0.0f);
  moe_block(pass, layer.spec().moe, weights.moe, in.router, in.experts, experts);
  normalise(pass, weights.experts_post_norm, experts);
  add(pass.backend, dense, experts);
  if (!accumulate) return pass.backend.copy(experts, out);
  add(pass.backend, experts, out);
}

// out += feed-forward part(in), or out = that if `accumulate` is false.
void run_ffn(const Layer& layer, const FfnInput& in, View out, bool accumulate) {
  const auto& [pass, weights, index] = layer;
  const LayerSpec& spec = layer.spec();
  if (weights.recurrent_ffn) {
    const StatePart state{index, state_floats(spec.recurrent)};
    return weights.recurrent_ffn->run(pass, state, in.dense, out, accumulate);
  }
  if (spec.moe.input == MoeSpec::Input::kOwnNorms) {
    return run_normalised_parts(layer, in, out, accumulate);
  }
  if (spec.mlp.width > 0) {
    mlp_block(pass, spec.mlp, weights.mlp, in.dense, out, accumulate);
    accumulate = true;
  }
  if (spec.moe.experts == 0) return;
  if (!accumulate) pass.backend.fill(out, 0.0f);
  moe_block(pass, spec.moe, weights.moe, in.router, in.experts, out);
  if (spec.shared.width > 0) run_shared(layer, in.experts, out);
}

// The layer's own part of the inputs that each layer has.
View per_layer_input(const Layer& layer, const Streams& streams) {
  const std::int64_t width = layer.pass.model.per_layer_width;
  return streams.per_layer_inputs.slice(layer.index * width, width);
}

// The residual stream becomes what a block reads, scaled (MiniMax-01).
void restart_residual(const Pass& pass, View block_in, View x) {
  if (pass.model.residual.input_scale == 0.0f) return;
  pass.backend.copy(block_in, x);
  pass.backend.scale(x, pass.model.residual.input_scale);
}

FfnInput read_before_mixer(const Layer& layer, View x) {
  const Pass& pass = layer.pass;
  FfnInput in{};
  if (layer.spec().moe.input == MoeSpec::Input::kAllBeforeMixer) {
    in.experts = normalised(pass, layer.weights.experts_norm, NormUse::kWeights, x);
  }
  if (layer.spec().moe.input == MoeSpec::Input::kRouterBeforeMixer) {
    in.router = pass.workspace.view(x.rows, x.columns);
    pass.backend.copy(x, in.router);
  }
  return in;
}

void normalise_mixer_sum(const Layer& layer, View mixer_in, View x) {
  const auto& [pass, weights, index] = layer;
  if (weights.mixer_sum_norm) normalise(pass, weights.mixer_sum_norm, x);
  if (!weights.mixer_again_norm) return;
  add(pass.backend, mixer_in, x);
  normalise(pass, weights.mixer_again_norm, x);
}

// What the mixer reads, after its norm.
View mixer_input(const Layer& layer, const Streams& streams) {
  const auto& [pass, weights, index] = layer;
  if (pass.model.prediction.kind == PredictionSpec::Kind::kBeside) {
    return read_beside_tokens(pass, weights.mixer_norm, weights.mixer_stream_norm, streams);
  }
  const NormUse use = layer.spec().bare_mixer_input ? NormUse::kNone : pass.model.pre_norm;
  return normalised(pass, weights.mixer_norm, use, streams.x);
}

// x += mixer(norm(x)), and in `ffn` what a parallel feed-forward part reads.
void add_mixer(const Layer& layer, const Streams& streams, FfnInput& ffn) {
  const auto& [pass, weights, index] = layer;
  const View x = streams.x;
  const View in = mixer_input(layer, streams);
  if (pass.model.residual.parallel) {
    ffn.dense = weights.ffn_norm ? normalised(pass, weights.ffn_norm, NormUse::kWeights, x) : in;
  }
  restart_residual(pass, in, x);
  add_to_residual(pass, weights.mixer_post_norm, {1.0f, weights.mixer_scale.get()}, x,
                  [&](View out, bool accumulate) { run_mixer(layer, in, out, accumulate); });
  normalise_mixer_sum(layer, in, x);
}

// x += attention(norm(x)) to the inputs
void add_cross_attention(const Layer& layer, View x) {
  const View in = layer.normalised(layer.weights.cross_norm, x);
  cross_attention_block(layer.pass, layer.spec().cross, layer.weights.cross, in, x);
}

// x += feed-forward part(norm(x)), of which `in` has what was read before.
void add_ffn(const Layer& layer, FfnInput in, View x) {
  const auto& [pass, weights, index] = layer;
  if (!in.dense.data) in.dense = layer.normalised(weights.ffn_norm, x);
  if (layer.spec().moe.input == MoeSpec::Input::kOwnNorms) {
    in.experts = normalised(pass, weights.experts_norm, NormUse::kWeights, x);
    in.router = normalised(pass, weights.router_norm, NormUse::kWeights, x);
  }
  if (!in.experts.data) in.experts = in.dense;
  if (!in.router.data) in.router = in.experts;
  restart_residual(pass, in.dense, x);
  add_to_residual(pass, weights.ffn_post_norm, {layer.spec().ffn_scale, weights.ffn_scale.get()}, x,
                  [&](View out, bool accumulate) { run_ffn(layer, in, out, accumulate); });
  if (weights.ffn_sum_norm) normalise(pass, weights.ffn_sum_norm, x);
}

// The usual layer, of one residual stream.
void run_plain(const Layer& layer, const Streams& streams) {
  const auto& [pass, weights, index] = layer;
  const LayerSpec& spec = layer.spec();
  const View x = streams.x;
  FfnInput ffn = read_before_mixer(layer, x);
  if (spec.has_mixer()) add_mixer(layer, streams, ffn);
  if (spec.cross.heads > 0) add_cross_attention(layer, x);
  if (spec.has_ffn()) add_ffn(layer, ffn, x);
  if (pass.model.per_layer_width > 0) {
    const View own = pass.workspace.view(x.rows, x.columns);
    per_layer_block(pass, weights.per_layer, per_layer_input(layer, streams), x, own);
    add(pass.backend, own, x);
  }
  if (pass.model.residual.embedding_skip) {
    pass.backend.add_scaled(streams.embeddings, weights.output_scale, 1.0f, x);
  } else if (weights.output_scale != 1.0f) {
    pass.backend.scale(x, weights.output_scale);
  }
}

// Several streams, of which the layer computes the first and predicts the others.
void run_altup(const Layer& layer, const Streams& all) {
  const auto& [pass, weights, index] = layer;
  const std::vector<View>& streams = all.others;
  const std::vector<View> predicted = predict_streams(pass, weights.altup, streams);
  const View x = pass.workspace.view(streams[0].rows, streams[0].columns);
  pass.backend.copy(predicted[0], x);
  const View mixer_in = layer.normalised(weights.mixer_norm, x);
  const View laurel = pass.workspace.view(x.rows, x.columns);
  laurel_block(pass, weights.altup, mixer_in, laurel);
  add_to_residual(pass, weights.mixer_post_norm, {}, x,
                  [&](View out, bool accumulate) { run_mixer(layer, mixer_in, out, accumulate); });
  constexpr float kHalf = 1.0f / std::numbers::sqrt2_v<float>;
  pass.backend.add_scaled(laurel, kHalf, kHalf, x);
  const FfnInput ffn_in = FfnInput::of(layer.normalised(weights.ffn_norm, x));
  add_to_residual(pass, weights.ffn_post_norm, {}, x,
                  [&](View out, bool accumulate) { run_ffn(layer, ffn_in, out, accumulate); });

  correct_streams(pass, weights.altup, predicted, x, streams);
  // The layer's own input goes to the streams besides the first, by way of the scaled first one.
  multiply_columns(pass.backend, streams[0], *weights.altup.correct_scale, x);
  per_layer_block(pass, weights.per_layer, per_layer_input(layer, all), x, laurel);
  for (std::size_t i = 1; i < streams.size(); ++i) add(pass.backend, laurel, streams[i]);
}

// Blocks read mixtures with earlier states of the stream, which begins anew with each group.
void run_mixing(const Layer& layer, const Streams& streams) {
  const auto& [pass, weights, index] = layer;
  const int group = pass.model.residual.attention_group;
  const View x = streams.x;
  const std::span<const View> all(streams.others);
  const auto kept = static_cast<std::size_t>((index + group - 1) / group);
  const bool keeps = index % group == 0;
  const View mixer_in = layer.normalised(
      weights.mixer_norm, mix_residuals(pass, weights.mixer_mix, all.first(kept), x));
  if (keeps) pass.backend.copy(x, all[kept]);
  run_mixer(layer, mixer_in, x, /*accumulate=*/!keeps);
  const View mixture = mix_residuals(pass, weights.ffn_mix, all.first(kept + (keeps ? 1 : 0)), x);
  run_ffn(layer, FfnInput::of(layer.normalised(weights.ffn_norm, mixture)), x,
          /*accumulate=*/true);
}

// Several streams, of which each block reads a mixture and to all of which it writes.
void run_hyper_connected(const Layer& layer, const Streams& all) {
  const auto& [pass, weights, index] = layer;
  const View streams = all.others[0];
  if (const LayerSpec& spec = layer.spec(); spec.ngrams.size > 0) {
    ngram_block(pass, spec.ngrams, weights.ngrams, {index, spec.block_state_floats()},
                all_streams(pass.model, streams));
  }
  const View result = block_result(pass.model, streams);
  const View write = make_write_weights(pass, streams);
  const View mixer_in = layer.normalised(weights.mixer_norm,
                                         read_streams(pass, weights.mixer_streams, streams, write));
  run_mixer(layer, mixer_in, result, /*accumulate=*/false);
  write_streams(pass, write, streams);
  const View ffn_in =
      layer.normalised(weights.ffn_norm, read_streams(pass, weights.ffn_streams, streams, write));
  run_ffn(layer, FfnInput::of(ffn_in), result, /*accumulate=*/false);
  write_streams(pass, write, streams);
}

// A layer of one of two stacks that take turns.
void run_in_cycle(const Layer& layer, const Streams& streams) {
  begin_cycle_pass(layer.pass, layer.index, streams.others, streams.x);
  run_plain(layer, streams);
  end_cycle_pass(layer.pass, layer.index, streams.others, streams.x);
}

}  // namespace

void run_layer(const Pass& pass, const LayerWeights& weights, int index, const Streams& streams) {
  const Workspace::Scope scope(pass.workspace);
  const Layer layer{pass, weights, index};
  if (pass.model.residual.altup_streams > 0) return run_altup(layer, streams);
  if (pass.model.residual.attention_group > 0) return run_mixing(layer, streams);
  if (pass.model.residual.hyper_connection.streams > 0) return run_hyper_connected(layer, streams);
  if (pass.model.cycles.has_two_stacks()) return run_in_cycle(layer, streams);
  // The first pass has no other before it.
  if (weights.pass_norm && index > 0) normalise(pass, weights.pass_norm, streams.x);
  run_plain(layer, streams);
}

std::int64_t stateless_columns(const ModelSpec& model, int index) {
  const LayerSpec& spec = model.layers[index];
  constexpr int kStreams = 4;  // what router and experts read, what dense part and experts give
  const std::int64_t own_norms =
      spec.moe.input == MoeSpec::Input::kOwnNorms ? kStreams * model.width : 0;
  return std::max(
      {attention_columns(spec.attention, model), latent_attention_columns(spec.latent),
       compressed_attention_columns(spec.compressed), cross_attention_columns(spec.cross),
       own_norms + mlp_columns(spec.mlp, model), mlp_columns(spec.shared, model) + model.width + 1,
       own_norms + moe_columns(spec.moe, model.width), ngram_columns(spec.ngrams, model.width)});
}

std::int64_t layer_columns(const ModelSpec& model, const LayerWeights& weights, int index) {
  const auto of = [](const RecurrentBlockPtr& block) {
    return block ? block->workspace_columns() : 0;
  };
  return std::max(
      {stateless_columns(model, index), of(weights.recurrent), of(weights.recurrent_ffn)});
}

}  // namespace linnet
