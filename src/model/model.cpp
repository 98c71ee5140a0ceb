#include "model/model.hpp"

#include <algorithm>
#include <limits>
#include <numbers>

#include "backend/split_stores.hpp"
#include "model/blocks/project.hpp"

namespace linnet {
namespace {

// Factors on what a block computes.
struct BlockScale {
  float all = 1.0f;
  const Buffer* columns = nullptr;  // one each, may be null
};

// residual += what a block computes, through its scale, its post-norm and the model's scale.
template <class Block>
void add_to_residual(const Pass& pass, const Norm& post_norm, BlockScale scale, View residual,
                     Block&& block) {
  if (!post_norm && !scale.columns && scale.all * pass.model.residual_scale == 1.0f) {
    return block(residual, true);
  }
  const Workspace::Scope scope(pass.workspace);
  const View out = pass.workspace.view(residual.rows, residual.columns);
  block(out, false);
  if (scale.all != 1.0f) pass.backend.scale(out, scale.all);
  if (scale.columns) {
    const View one_row{scale.columns->data(), out.rows, out.columns, 0};
    pass.backend.gated_activation(out, one_row, Activation::kIdentity, out);
  }
  if (post_norm) {
    const NormParams params{pass.model.norm, pass.model.post_norm_epsilon, post_norm.weight_data(),
                            post_norm.bias_data()};
    pass.backend.norm(out, params, out);
  }
  pass.backend.add_scaled(out, pass.model.residual_scale, 1.0f, residual);
}

}  // namespace

View Model::embed(const Pass& pass, std::span<const std::int32_t> tokens) {
  const View x = pass.workspace.view(static_cast<std::int64_t>(tokens.size()), spec_.width);
  if (!embedding_) {
    pass.backend.fill(x, 0.0f);
  } else if (spec_.adapters.tokens.empty()) {
    pass.backend.embed_rows(*embedding_, tokens, x);
  } else {
    pass.backend.embed_rows(*embedding_, substitute_tokens(spec_.adapters, tokens), x);
  }
  if (spec_.embedding_scale != 1.0f) pass.backend.scale(x, spec_.embedding_scale);
  const Workspace::Scope scope(pass.workspace);
  const View more = pass.workspace.view(x.rows, x.columns);
  if (types_) {
    const std::vector<std::int32_t> first(tokens.size(), 0);
    pass.backend.embed_rows(*types_, first, more);
    pass.backend.add_scaled(more, 1.0f, 1.0f, x);
  }
  if (positions_) {
    pass.backend.embed_rows(*positions_, pass.batch.positions, more);
    pass.backend.add_scaled(more, 1.0f, 1.0f, x);
  }
  if (spec_.embedding_norm != NormUse::kNone) normalise_in_place(pass, embedding_norm_, x);
  for (const GivenRows& given : pass.given) {
    upload_given(pass, given, 0, some_rows(x, given.first, given.rows));
  }
  return x;
}

// Of the columns of given rows those that the embeddings are (part 0), or that layer `part` - 1
// adds.
void Model::upload_given(const Pass& pass, const GivenRows& given, int part, View to) const {
  for (std::int64_t r = 0; r < given.rows; ++r) {
    const float* values = given.values + r * spec_.given_columns() + part * spec_.width;
    pass.backend.upload({values, static_cast<std::size_t>(spec_.width)}, to.row(r));
  }
}

void Model::add_given_rows(const Pass& pass, int index, View x) const {
  for (const GivenRows& given : pass.given) {
    const Workspace::Scope scope(pass.workspace);
    const View more = pass.workspace.view(given.rows, spec_.width);
    upload_given(pass, given, 1 + index, more);
    pass.backend.add_scaled(more, 1.0f, 1.0f, some_rows(x, given.first, given.rows));
  }
}

void Model::keep_result(const Pass& pass, int index, View x) {
  for (std::size_t i = 0; i < kept_.size(); ++i) {
    if (spec_.kept_layers[i] == index) pass.backend.copy(x, kept_[i]);
  }
}

View Model::forward(const Batch& batch, KvStore& kv, StateStore* states) {
  if (spec_.input.layers > 0) {
    stages_.front().workspace->clear();
    return read_and_write(batch, kv);
  }
  begin_forward(batch, kv, states);
  while (advance_forward()) continue;
  return end_forward();
}

void Model::begin_forward(const Batch& batch, KvStore& kv, StateStore* states) {
  for (const Stage& stage : stages_) stage.workspace->clear();
  const auto rows = static_cast<std::int64_t>(batch.tokens.size());
  Streams& streams = progress_.emplace(Progress{batch, kv, states, {}}).streams;
  streams.tokens = batch.tokens;
  streams.given = batch.given;
  streams.places = batch.places;
  streams.windows = batch.windows;
  kept_.clear();
  for (std::size_t i = 0; i < spec_.kept_layers.size(); ++i) {
    kept_.push_back(stages_.front().workspace->view(rows, spec_.width));
  }
  streams.shared = stages_.front().workspace->view(rows, spec_.shared_columns);
  begin_streams(pass_of(0, batch.layout, kv, states, streams), batch.tokens, streams);
}

bool Model::advance_forward() {
  const int index = progress_->next_layer;
  if (index == static_cast<int>(layers_.size())) return false;
  while (index >= stages_[progress_->stage].layers.end) enter_next_stage();
  const auto& [batch, kv, states, streams, stage, next] = *progress_;
  const Pass pass = pass_of(stage, batch.layout, kv, states, streams);
  run_any_layer(pass, index, streams);
  if (index < spec_.deep_inputs) add_given_rows(pass, index, streams.x);
  keep_result(pass, index, streams.x);
  ++progress_->next_layer;
  return true;
}

View Model::end_forward() {
  while (progress_->stage + 1 < stages_.size()) enter_next_stage();
  const auto& [batch, kv, states, streams, stage, next] = *progress_;
  const Pass pass = pass_of(stage, batch.layout, kv, states, streams);
  end_streams(pass, streams);
  const View logits = head(pass, streams.x, batch.outputs);
  if (batch.keeps_hidden) keep_hidden(pass, streams.x);
  progress_.reset();
  return logits;
}

void Model::enter_next_stage() {
  const Stage& from = stages_[progress_->stage++];
  hand_over(from, stages_[progress_->stage], handed_over_, progress_->streams);
}

Status Model::status() const {
  for (const Stage& stage : stages_) {
    if (Status status = stage.backend->status(); !status) return status;
  }
  return {};
}

Pass Model::pass_of(std::size_t stage, const BatchLayout& layout, KvStore& kv, StateStore* states,
                    const Streams& streams) {
  const bool is_split = stages_.size() > 1;
  KvStore& own_kv = is_split ? static_cast<SplitKvStore&>(kv).part(stage) : kv;
  if (is_split && states) states = &static_cast<SplitStateStore&>(*states).part(stage);
  return {*stages_[stage].backend,
          *stages_[stage].workspace,
          spec_,
          own_kv,
          states,
          layout,
          spec_.causal,
          streams.shared,
          streams.adapters,
          /*inputs=*/{},
          streams.tokens,
          streams.given,
          streams.places,
          streams.windows};
}

void Model::begin_streams(Pass pass, std::span<const std::int32_t> tokens, Streams& streams) {
  if (!spec_.adapters.tokens.empty()) {
    pass.adapters = streams.adapters = switch_adapters(pass, adapter_switch_, tokens);
  }
  const View x = streams.x = embed(pass, tokens);
  if (spec_.embedding_skip) {
    streams.embeddings = pass.workspace.view(x.rows, x.columns);
    pass.backend.copy(x, streams.embeddings);
  }
  if (spec_.per_layer_width > 0) {
    streams.per_layer_inputs =
        pass.workspace.view(x.rows, spec_.per_layer_width * std::ssize(spec_.layers));
    make_per_layer_inputs(pass, per_layer_, tokens, x, streams.per_layer_inputs);
  }
  if (spec_.altup_streams > 0) streams.others = spread_streams(pass, altup_spread_, x);
  for (std::int64_t i = 0; i < residual_mix_states(spec_); ++i) {
    streams.others.push_back(pass.workspace.view(x.rows, x.columns));
  }
  if (spec_.hyper_connection.streams > 0) streams.others.push_back(spread_to_streams(pass, x));
}

void Model::run_any_layer(const Pass& pass, int index, const Streams& streams) {
  if (spec_.altup_streams > 0) return run_altup_layer(pass, index, streams);
  if (spec_.residual_group > 0) return run_mixing_layer(pass, index, streams);
  if (spec_.hyper_connection.streams > 0) return run_hyper_connected_layer(pass, index, streams);
  run_layer(pass, index, streams);
}

void Model::end_streams(const Pass& pass, const Streams& streams) {
  if (spec_.altup_streams > 0) gather_streams(pass, altup_gather_, streams.others);
  if (spec_.residual_group > 0) {
    pass.backend.copy(mix_residuals(pass, output_mix_, streams.others, streams.x), streams.x);
  }
  if (spec_.hyper_connection.streams > 0) {
    const Workspace::Scope scope(pass.workspace);
    pass.backend.copy(read_streams(pass, output_streams_, streams.others[0], View{}), streams.x);
  }
}

// Where the rows themselves were: nobody needs them any more.
void Model::keep_hidden(const Pass& pass, View x) {
  if (spec_.output_norm != NormUse::kNone) normalise_in_place(pass, output_norm_, x);
  hidden_ = x;
  if (!dense_up_) return;
  const Workspace::Scope scope(pass.workspace);
  project(pass, dense_down_, project(pass, dense_up_, x), x);
}

View Model::per_layer_input(View all, int index) const {
  return all.slice(index * spec_.per_layer_width, spec_.per_layer_width);
}

void Model::run_altup_layer(const Pass& pass, int index, const Streams& all) {
  const Workspace::Scope scope(pass.workspace);
  const Layer& layer = layers_[index];
  const std::vector<View>& streams = all.others;
  const std::vector<View> predicted = predict_streams(pass, layer.altup, streams);
  const View x = pass.workspace.view(streams[0].rows, streams[0].columns);
  pass.backend.copy(predicted[0], x);
  const View mixer_in = normalise(pass, layer.mixer_norm, spec_.pre_norm, x);
  const View laurel = pass.workspace.view(x.rows, x.columns);
  laurel_block(pass, layer.altup, mixer_in, laurel);
  add_to_residual(pass, layer.mixer_post_norm, {}, x, [&](View out, bool accumulate) {
    run_mixer(pass, index, mixer_in, out, accumulate);
  });
  constexpr float kHalf = 1.0f / std::numbers::sqrt2_v<float>;
  pass.backend.add_scaled(laurel, kHalf, kHalf, x);
  const View ffn_in = normalise(pass, layer.ffn_norm, spec_.pre_norm, x);
  add_to_residual(pass, layer.ffn_post_norm, {}, x, [&](View out, bool accumulate) {
    run_ffn(pass, index, {ffn_in, ffn_in, ffn_in}, out, accumulate);
  });

  correct_streams(pass, layer.altup, predicted, x, streams);
  // The layer's own input goes to the streams besides the first, by way of the scaled first one.
  const View scale{layer.altup.correct_scale->data(), x.rows, x.columns, 0};
  pass.backend.gated_activation(streams[0], scale, Activation::kIdentity, x);
  per_layer_block(pass, layer.per_layer, per_layer_input(all.per_layer_inputs, index), x, laurel);
  for (std::size_t i = 1; i < streams.size(); ++i) {
    pass.backend.add_scaled(laurel, 1.0f, 1.0f, streams[i]);
  }
}

void Model::run_mixing_layer(const Pass& pass, int index, const Streams& streams) {
  const Workspace::Scope scope(pass.workspace);
  const Layer& layer = layers_[index];
  const View x = streams.x;
  const std::span<const View> all(streams.others);
  const auto kept =
      static_cast<std::size_t>((index + spec_.residual_group - 1) / spec_.residual_group);
  const bool keeps = index % spec_.residual_group == 0;
  const View mixer_in = normalise(pass, layer.mixer_norm, spec_.pre_norm,
                                  mix_residuals(pass, layer.mixer_mix, all.first(kept), x));
  if (keeps) pass.backend.copy(x, all[kept]);
  run_mixer(pass, index, mixer_in, x, /*accumulate=*/!keeps);
  const View mixture = mix_residuals(pass, layer.ffn_mix, all.first(kept + (keeps ? 1 : 0)), x);
  const View ffn_in = normalise(pass, layer.ffn_norm, spec_.pre_norm, mixture);
  run_ffn(pass, index, {ffn_in, ffn_in, ffn_in}, x, /*accumulate=*/true);
}

void Model::run_hyper_connected_layer(const Pass& pass, int index, const Streams& all) {
  const Workspace::Scope scope(pass.workspace);
  const Layer& layer = layers_[index];
  const View streams = all.others[0];
  if (const LayerSpec& spec = spec_.layers[index]; spec.ngrams.size > 0) {
    ngram_block(pass, spec.ngrams, layer.ngrams, {index, spec.block_state_floats()},
                all_streams(spec_, streams));
  }
  const View result = block_result(spec_, streams);
  const View write = make_write_weights(pass, streams);
  const View mixer_in = normalise(pass, layer.mixer_norm, spec_.pre_norm,
                                  read_streams(pass, layer.mixer_streams, streams, write));
  run_mixer(pass, index, mixer_in, result, /*accumulate=*/false);
  write_streams(pass, write, streams);
  const View ffn_in = normalise(pass, layer.ffn_norm, spec_.pre_norm,
                                read_streams(pass, layer.ffn_streams, streams, write));
  run_ffn(pass, index, {ffn_in, ffn_in, ffn_in}, result, /*accumulate=*/false);
  write_streams(pass, write, streams);
}

void Model::run_layer(const Pass& pass, int index, const Streams& streams) {
  const Workspace::Scope scope(pass.workspace);
  const Layer& layer = layers_[index];
  const LayerSpec& spec = spec_.layers[index];
  const View x = streams.x;
  FfnInput in = read_before_mixer(pass, layer, spec, x);
  View mixer_in{};
  if (spec.has_mixer()) {
    const NormUse use = spec.bare_mixer_input ? NormUse::kNone : spec_.pre_norm;
    mixer_in = normalise(pass, layer.mixer_norm, use, x);
    if (spec_.parallel_residual) {
      in.dense = layer.ffn_norm ? normalise(pass, layer.ffn_norm, NormUse::kWeights, x) : mixer_in;
    }
    restart_residual(pass, mixer_in, x);
    add_to_residual(
        pass, layer.mixer_post_norm, {1.0f, layer.mixer_scale.get()}, x,
        [&](View out, bool accumulate) { run_mixer(pass, index, mixer_in, out, accumulate); });
    normalise_mixer_sum(pass, layer, mixer_in, x);
  }
  if (spec.cross.heads > 0) {
    const View cross_in = normalise(pass, layer.cross_norm, spec_.pre_norm, x);
    cross_attention_block(pass, spec.cross, layer.cross, cross_in, x);
  }
  if (spec.has_ffn()) {
    if (!in.dense.data) in.dense = normalise(pass, layer.ffn_norm, spec_.pre_norm, x);
    if (!in.experts.data) in.experts = in.dense;
    if (!in.router.data) in.router = in.experts;
    restart_residual(pass, in.dense, x);
    add_to_residual(pass, layer.ffn_post_norm, {spec.ffn_scale, layer.ffn_scale.get()}, x,
                    [&](View out, bool accumulate) { run_ffn(pass, index, in, out, accumulate); });
    if (layer.ffn_sum_norm) normalise_in_place(pass, layer.ffn_sum_norm, x);
  }
  if (spec_.per_layer_width > 0) {
    const View own = pass.workspace.view(x.rows, x.columns);
    per_layer_block(pass, layer.per_layer, per_layer_input(streams.per_layer_inputs, index), x,
                    own);
    pass.backend.add_scaled(own, 1.0f, 1.0f, x);
  }
  if (spec_.embedding_skip) {
    pass.backend.add_scaled(streams.embeddings, layer.output_scale, 1.0f, x);
  } else if (layer.output_scale != 1.0f) {
    pass.backend.scale(x, layer.output_scale);
  }
}

Model::FfnInput Model::read_before_mixer(const Pass& pass, const Layer& layer,
                                         const LayerSpec& spec, View x) {
  FfnInput in;
  if (spec.moe.input == MoeSpec::Input::kAllBeforeMixer) {
    in.experts = normalise(pass, layer.experts_norm, NormUse::kWeights, x);
  }
  if (spec.moe.input == MoeSpec::Input::kRouterBeforeMixer) {
    in.router = pass.workspace.view(x.rows, x.columns);
    pass.backend.copy(x, in.router);
  }
  return in;
}

View Model::normalise(const Pass& pass, const Norm& norm, NormUse use, View in) {
  const View out = pass.workspace.view(in.rows, in.columns);
  if (use == NormUse::kNone) {
    pass.backend.copy(in, out);
  } else {
    pass.backend.norm(in, {spec_.norm, spec_.norm_epsilon, norm.weight_data(), norm.bias_data()},
                      out);
  }
  return out;
}

void Model::normalise_in_place(const Pass& pass, const Norm& norm, View x) {
  pass.backend.norm(x, {spec_.norm, spec_.norm_epsilon, norm.weight_data(), norm.bias_data()}, x);
}

void Model::restart_residual(const Pass& pass, View block_in, View x) {
  if (spec_.input_residual_scale == 0.0f) return;
  pass.backend.copy(block_in, x);
  pass.backend.scale(x, spec_.input_residual_scale);
}

void Model::normalise_mixer_sum(const Pass& pass, const Layer& layer, View mixer_in, View x) {
  if (layer.mixer_sum_norm) normalise_in_place(pass, layer.mixer_sum_norm, x);
  if (!layer.mixer_again_norm) return;
  pass.backend.add_scaled(mixer_in, 1.0f, 1.0f, x);
  normalise_in_place(pass, layer.mixer_again_norm, x);
}

void Model::run_mixer(const Pass& pass, int index, View in, View out, bool accumulate) {
  const LayerSpec& spec = spec_.layers[index];
  if (spec.latent.heads > 0) {
    latent_attention_block(pass, spec.latent, layers_[index].latent, index, in, out, accumulate);
    accumulate = true;
  } else if (spec.compressed.heads > 0) {
    compressed_attention_block(pass, spec.compressed, layers_[index].compressed, index, in, out,
                               accumulate);
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
  if (!accumulate) pass.backend.fill(out, 0.0f);
  moe_block(pass, spec.moe, layers_[index].moe, in.router, in.experts, out);
  if (spec.shared.width > 0) run_shared(pass, index, in.experts, out);
}

void Model::run_shared(const Pass& pass, int index, View in, View out) {
  const LayerSpec& spec = spec_.layers[index];
  const Layer& layer = layers_[index];
  if (!layer.shared_gate) return mlp_block(pass, spec.shared, layer.shared, in, out, true);
  const Workspace::Scope scope(pass.workspace);
  const View gate = pass.workspace.view(in.rows, 1);
  const View result = pass.workspace.view(in.rows, out.columns);
  project(pass, layer.shared_gate, in, gate);
  mlp_block(pass, spec.shared, layer.shared, in, result, false);
  pass.backend.multiply_gate(gate, Activation::kSigmoid, result);
  pass.backend.add_scaled(result, 1.0f, 1.0f, out);
}

View Model::head(const Pass& pass, View x, std::span<const std::int32_t> outputs) {
  if (spec_.encoder) return {};
  const auto count = static_cast<std::int64_t>(outputs.size());
  const View logits = pass.workspace.view(count, spec_.vocabulary);
  const View last = pass.workspace.view(count, spec_.width);
  pass.backend.gather_rows(x, outputs, last);
  const View normed = normalise(pass, output_norm_, spec_.output_norm, last);
  project(pass, output_, normed, logits);
  if (spec_.logit_scale != 1.0f) pass.backend.scale(logits, spec_.logit_scale);
  if (spec_.logit_softcap > 0.0f) pass.backend.softcap(logits, spec_.logit_softcap);
  const auto& silent = spec_.silent_tokens;
  const std::int64_t silent_count = std::min(silent.count, spec_.vocabulary - silent.first);
  if (silent_count > 0) {
    pass.backend.fill(logits.slice(silent.first, silent_count),
                      std::numeric_limits<float>::lowest());
  }
  return logits;
}

}  // namespace linnet
