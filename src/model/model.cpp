#include "model/model.hpp"

#include <algorithm>
#include <limits>
#include <numbers>

namespace linnet {
namespace {

// residual += what a block computes, through its scale, its post-norm and the model's scale.
template <class Block>
void add_to_residual(const Pass& pass, const Norm& post_norm, float scale, View residual,
                     Block&& block) {
  if (!post_norm && scale * pass.model.residual_scale == 1.0f) return block(residual, true);
  const Workspace::Scope scope(pass.workspace);
  const View out = pass.workspace.view(residual.rows, residual.columns);
  block(out, false);
  if (scale != 1.0f) pass.backend.scale(out, scale);
  if (post_norm) {
    const NormParams params{pass.model.norm, pass.model.post_norm_epsilon, post_norm.weight_data(),
                            post_norm.bias_data()};
    pass.backend.norm(out, params, out);
  }
  pass.backend.add_scaled(out, pass.model.residual_scale, 1.0f, residual);
}

}  // namespace

View Model::embed(const Batch& batch) {
  const View x = workspace_->view(static_cast<std::int64_t>(batch.tokens.size()), spec_.width);
  if (spec_.adapters.tokens.empty()) {
    backend_.embed_rows(*embedding_, batch.tokens, x);
  } else {
    backend_.embed_rows(*embedding_, substitute_tokens(spec_.adapters, batch.tokens), x);
  }
  if (spec_.embedding_scale != 1.0f) backend_.scale(x, spec_.embedding_scale);
  const Workspace::Scope scope(*workspace_);
  const View more = workspace_->view(x.rows, x.columns);
  if (types_) {
    const std::vector<std::int32_t> first(batch.tokens.size(), 0);
    backend_.embed_rows(*types_, first, more);
    backend_.add_scaled(more, 1.0f, 1.0f, x);
  }
  if (positions_) {
    backend_.embed_rows(*positions_, batch.layout.positions, more);
    backend_.add_scaled(more, 1.0f, 1.0f, x);
  }
  if (spec_.embedding_norm != NormUse::kNone) normalise_in_place(embedding_norm_, x);
  return x;
}

View Model::forward(const Batch& batch, KvStore& kv, StateStore* states) {
  const Workspace::Scope scope(*workspace_);
  if (spec_.input.layers > 0) return read_and_write(batch, kv);
  const View shared =
      workspace_->view(static_cast<std::int64_t>(batch.tokens.size()), spec_.shared_columns);
  Pass pass{backend_, *workspace_, spec_, kv, states, batch.layout, spec_.causal, shared};
  if (!spec_.adapters.tokens.empty()) {
    pass.adapters = switch_adapters(pass, adapter_switch_, batch.tokens);
  }
  const View x = embed(batch);
  View embeddings{};
  if (spec_.embedding_skip) {
    embeddings = workspace_->view(x.rows, x.columns);
    backend_.copy(x, embeddings);
  }
  View per_layer_inputs{};
  if (spec_.per_layer_width > 0) {
    per_layer_inputs = workspace_->view(x.rows, spec_.per_layer_width * std::ssize(spec_.layers));
    make_per_layer_inputs(pass, per_layer_, batch.tokens, x, per_layer_inputs);
  }
  const int layers = static_cast<int>(layers_.size());
  if (spec_.altup_streams > 0) {
    const std::vector<View> streams = spread_streams(pass, altup_, x);
    for (int i = 0; i < layers; ++i) run_altup_layer(pass, i, per_layer_inputs, streams);
    gather_streams(pass, altup_, streams);
  } else if (spec_.residual_group > 0) {
    run_mixing_layers(pass, x);
  } else {
    for (int i = 0; i < layers; ++i) run_layer(pass, i, embeddings, per_layer_inputs, x);
  }
  const View logits = head(x, batch.outputs);
  if (batch.keeps_hidden) keep_hidden(x);
  return logits;
}

// Where the rows themselves were: nobody needs them any more.
void Model::keep_hidden(View x) {
  if (spec_.output_norm != NormUse::kNone) normalise_in_place(output_norm_, x);
  hidden_ = x;
  if (!dense_up_) return;
  const Workspace::Scope scope(*workspace_);
  const View wide = workspace_->view(x.rows, dense_up_.weight->rows());
  const MatmulOutput up = dense_up_.to(wide);
  backend_.matmul(x, {&up, 1});
  const MatmulOutput down = dense_down_.to(x);
  backend_.matmul(wide, {&down, 1});
}

View Model::per_layer_input(View all, int index) const {
  return all.slice(index * spec_.per_layer_width, spec_.per_layer_width);
}

void Model::run_altup_layer(const Pass& pass, int index, View per_layer_inputs,
                            const std::vector<View>& streams) {
  const Workspace::Scope scope(*workspace_);
  const Layer& layer = layers_[index];
  const std::vector<View> predicted = predict_streams(pass, layer.altup, streams);
  const View x = workspace_->view(streams[0].rows, streams[0].columns);
  backend_.copy(predicted[0], x);
  const View mixer_in = normalise(layer.mixer_norm, spec_.pre_norm, x);
  const View laurel = workspace_->view(x.rows, x.columns);
  laurel_block(pass, layer.altup, mixer_in, laurel);
  add_to_residual(pass, layer.mixer_post_norm, 1.0f, x, [&](View out, bool accumulate) {
    run_mixer(pass, index, mixer_in, out, accumulate);
  });
  constexpr float kHalf = 1.0f / std::numbers::sqrt2_v<float>;
  backend_.add_scaled(laurel, kHalf, kHalf, x);
  const View ffn_in = normalise(layer.ffn_norm, spec_.pre_norm, x);
  add_to_residual(pass, layer.ffn_post_norm, 1.0f, x, [&](View out, bool accumulate) {
    run_ffn(pass, index, {ffn_in, ffn_in, ffn_in}, out, accumulate);
  });

  correct_streams(pass, layer.altup, predicted, x, streams);
  // The layer's own input goes to the streams besides the first, by way of the scaled first one.
  const View scale{layer.altup.correct_scale->data(), x.rows, x.columns, 0};
  backend_.gated_activation(streams[0], scale, Activation::kIdentity, x);
  per_layer_block(pass, layer.per_layer, per_layer_input(per_layer_inputs, index), x, laurel);
  for (std::size_t i = 1; i < streams.size(); ++i) {
    backend_.add_scaled(laurel, 1.0f, 1.0f, streams[i]);
  }
}

void Model::run_mixing_layers(const Pass& pass, View x) {
  std::vector<View> states(static_cast<std::size_t>(residual_mix_states(spec_)));
  for (View& state : states) state = workspace_->view(x.rows, x.columns);
  for (int i = 0; i < static_cast<int>(layers_.size()); ++i) {
    const Workspace::Scope scope(*workspace_);
    const Layer& layer = layers_[i];
    const std::span all(states);
    const auto kept =
        static_cast<std::size_t>((i + spec_.residual_group - 1) / spec_.residual_group);
    const bool keeps = i % spec_.residual_group == 0;
    const View mixer_in = normalise(layer.mixer_norm, spec_.pre_norm,
                                    mix_residuals(pass, layer.mixer_mix, all.first(kept), x));
    if (keeps) backend_.copy(x, states[kept]);
    run_mixer(pass, i, mixer_in, x, /*accumulate=*/!keeps);
    const View mixture = mix_residuals(pass, layer.ffn_mix, all.first(kept + (keeps ? 1 : 0)), x);
    const View ffn_in = normalise(layer.ffn_norm, spec_.pre_norm, mixture);
    run_ffn(pass, i, {ffn_in, ffn_in, ffn_in}, x, /*accumulate=*/true);
  }
  backend_.copy(mix_residuals(pass, output_mix_, states, x), x);
}

void Model::run_layer(const Pass& pass, int index, View embeddings, View per_layer_inputs, View x) {
  const Workspace::Scope scope(*workspace_);
  const Layer& layer = layers_[index];
  const LayerSpec& spec = spec_.layers[index];
  FfnInput in = read_before_mixer(layer, spec, x);
  View mixer_in{};
  if (spec.has_mixer()) {
    const NormUse use = spec.bare_mixer_input ? NormUse::kNone : spec_.pre_norm;
    mixer_in = normalise(layer.mixer_norm, use, x);
    if (spec_.parallel_residual) {
      in.dense = layer.ffn_norm ? normalise(layer.ffn_norm, NormUse::kWeights, x) : mixer_in;
    }
    restart_residual(mixer_in, x);
    add_to_residual(pass, layer.mixer_post_norm, 1.0f, x, [&](View out, bool accumulate) {
      run_mixer(pass, index, mixer_in, out, accumulate);
    });
    normalise_mixer_sum(layer, mixer_in, x);
  }
  if (spec.cross.heads > 0) {
    const View cross_in = normalise(layer.cross_norm, spec_.pre_norm, x);
    cross_attention_block(pass, spec.cross, layer.cross, cross_in, x);
  }
  if (spec.has_ffn()) {
    if (!in.dense.data) in.dense = normalise(layer.ffn_norm, spec_.pre_norm, x);
    if (!in.experts.data) in.experts = in.dense;
    if (!in.router.data) in.router = in.experts;
    restart_residual(in.dense, x);
    add_to_residual(pass, layer.ffn_post_norm, spec.ffn_scale, x,
                    [&](View out, bool accumulate) { run_ffn(pass, index, in, out, accumulate); });
    if (layer.ffn_sum_norm) normalise_in_place(layer.ffn_sum_norm, x);
  }
  if (spec_.per_layer_width > 0) {
    const View own = workspace_->view(x.rows, x.columns);
    per_layer_block(pass, layer.per_layer, per_layer_input(per_layer_inputs, index), x, own);
    backend_.add_scaled(own, 1.0f, 1.0f, x);
  }
  if (spec_.embedding_skip) {
    backend_.add_scaled(embeddings, layer.output_scale, 1.0f, x);
  } else if (layer.output_scale != 1.0f) {
    backend_.scale(x, layer.output_scale);
  }
}

Model::FfnInput Model::read_before_mixer(const Layer& layer, const LayerSpec& spec, View x) {
  FfnInput in;
  if (spec.moe.input == MoeSpec::Input::kAllBeforeMixer) {
    in.experts = normalise(layer.experts_norm, NormUse::kWeights, x);
  }
  if (spec.moe.input == MoeSpec::Input::kRouterBeforeMixer) {
    in.router = workspace_->view(x.rows, x.columns);
    backend_.copy(x, in.router);
  }
  return in;
}

View Model::normalise(const Norm& norm, NormUse use, View in) {
  const View out = workspace_->view(in.rows, in.columns);
  if (use == NormUse::kNone) {
    backend_.copy(in, out);
  } else {
    backend_.norm(in, {spec_.norm, spec_.norm_epsilon, norm.weight_data(), norm.bias_data()}, out);
  }
  return out;
}

void Model::normalise_in_place(const Norm& norm, View x) {
  backend_.norm(x, {spec_.norm, spec_.norm_epsilon, norm.weight_data(), norm.bias_data()}, x);
}

void Model::restart_residual(View block_in, View x) {
  if (spec_.input_residual_scale == 0.0f) return;
  backend_.copy(block_in, x);
  backend_.scale(x, spec_.input_residual_scale);
}

void Model::normalise_mixer_sum(const Layer& layer, View mixer_in, View x) {
  if (layer.mixer_sum_norm) normalise_in_place(layer.mixer_sum_norm, x);
  if (!layer.mixer_again_norm) return;
  backend_.add_scaled(mixer_in, 1.0f, 1.0f, x);
  normalise_in_place(layer.mixer_again_norm, x);
}

void Model::run_mixer(const Pass& pass, int index, View in, View out, bool accumulate) {
  const LayerSpec& spec = spec_.layers[index];
  if (spec.latent.heads > 0) {
    latent_attention_block(pass, spec.latent, layers_[index].latent, index, in, out, accumulate);
    accumulate = true;
  } else if (spec.attention.heads > 0) {
    attention_block(pass, spec.attention, layers_[index].attention, index, in, out, accumulate);
    accumulate = true;
  }
  if (layers_[index].recurrent) {
    layers_[index].recurrent->run(pass, {index, 0}, in, out, accumulate);
  }
}

void Model::run_ffn(const Pass& pass, int index, const FfnInput& in, View out, bool accumulate) {
  const LayerSpec& spec = spec_.layers[index];
  if (layers_[index].recurrent_ffn) {
    const StatePart state{index, state_floats(spec.recurrent)};
    return layers_[index].recurrent_ffn->run(pass, state, in.dense, out, accumulate);
  }
  if (spec.mlp.width > 0) {
    mlp_block(pass, spec.mlp, layers_[index].mlp, in.dense, out, accumulate);
    accumulate = true;
  }
  if (spec.moe.experts == 0) return;
  if (!accumulate) backend_.fill(out, 0.0f);
  moe_block(pass, spec.moe, layers_[index].moe, in.router, in.experts, out);
  if (spec.shared.width > 0) run_shared(pass, index, in.experts, out);
}

void Model::run_shared(const Pass& pass, int index, View in, View out) {
  const LayerSpec& spec = spec_.layers[index];
  const Layer& layer = layers_[index];
  if (!layer.shared_gate) return mlp_block(pass, spec.shared, layer.shared, in, out, true);
  const Workspace::Scope scope(*workspace_);
  const View gate = workspace_->view(in.rows, 1);
  const View result = workspace_->view(in.rows, out.columns);
  const MatmulOutput output = layer.shared_gate.to(gate);
  backend_.matmul(in, {&output, 1});
  mlp_block(pass, spec.shared, layer.shared, in, result, false);
  backend_.multiply_gate(gate, Activation::kSigmoid, result);
  backend_.add_scaled(result, 1.0f, 1.0f, out);
}

View Model::head(View x, std::span<const std::int32_t> outputs) {
  if (spec_.encoder) return {};
  const auto count = static_cast<std::int64_t>(outputs.size());
  const View logits = workspace_->view(count, spec_.vocabulary);
  const View last = workspace_->view(count, spec_.width);
  backend_.gather_rows(x, outputs, last);
  const View normed = normalise(output_norm_, spec_.output_norm, last);
  const MatmulOutput output = output_.to(logits);
  backend_.matmul(normed, {&output, 1});
  if (spec_.logit_scale != 1.0f) backend_.scale(logits, spec_.logit_scale);
  if (spec_.logit_softcap > 0.0f) backend_.softcap(logits, spec_.logit_softcap);
  const auto& silent = spec_.silent_tokens;
  const std::int64_t silent_count = std::min(silent.count, spec_.vocabulary - silent.first);
  if (silent_count > 0) {
    backend_.fill(logits.slice(silent.first, silent_count), std::numeric_limits<float>::lowest());
  }
  return logits;
}

}  // namespace linnet
