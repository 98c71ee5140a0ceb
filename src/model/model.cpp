#include "model/model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numbers>

namespace linnet {
namespace {

std::string block_prefix(int layer) { return fmt::format("blk.{}", layer); }

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
    const NormParams params{pass.model.norm, pass.model.norm_epsilon, post_norm.weight_data(),
                            post_norm.bias_data()};
    pass.backend.norm(out, params, out);
  }
  pass.backend.add_scaled(out, pass.model.residual_scale, 1.0f, residual);
}

KvLayerShape kv_layer_shape(const LayerSpec& layer) {
  if (layer.latent.heads > 0) return latent_kv_shape(layer.latent);
  const AttentionSpec& attention = layer.attention;
  if (attention.kv_layer >= 0) return {};
  return {attention.kv_heads, attention.key_width, attention.value_width};
}

bool has_mixer(const LayerSpec& layer) {
  return layer.attention.heads > 0 || layer.latent.heads > 0 || is_present(layer.recurrent);
}

bool has_ffn(const LayerSpec& layer) {
  return layer.mlp.width > 0 || layer.moe.experts > 0 || is_present(layer.recurrent_ffn);
}

// Keys and values of all layers, then the index keys of those that pick keys.
std::vector<KvLayerShape> kv_layer_shapes(const ModelSpec& spec) {
  std::vector<KvLayerShape> shapes;
  for (const LayerSpec& layer : spec.layers) shapes.push_back(kv_layer_shape(layer));
  for (const LayerSpec& layer : spec.layers) {
    const IndexerSpec& indexer = layer.latent.indexer;
    if (indexer.heads == 0 || indexer.reused) continue;
    shapes.resize(std::max<std::size_t>(shapes.size(), indexer.kv_layer + 1));
    shapes[indexer.kv_layer] = {1, indexer.width, 0};
  }
  return shapes;
}

std::string tensor_name(const std::string& prefix, std::string_view part) {
  return fmt::format("{}.{}", prefix, part);
}

}  // namespace

Result<std::unique_ptr<Model>> Model::load(ModelSpec spec, WeightLoader& loader, Backend& backend,
                                           const BatchLimits& limits) {
  std::unique_ptr<Model> model(new Model(std::move(spec), backend, limits));
  const ModelSpec& s = model->spec_;
  for (const std::string& pattern : s.unused_tensors) loader.ignore(pattern);
  loader.ignore("rope_f");  // factors of the frequencies, read with the hyper-parameters
  model->embedding_ = loader.linear("token_embd", s.width, s.vocabulary).weight;
  if (s.position_rows > 0) {
    model->positions_ = loader.linear("position_embd", s.width, s.position_rows).weight;
  }
  if (s.embedding_norm == NormUse::kWeights) {
    model->embedding_norm_ = loader.norm("token_embd_norm", s.width);
  }
  model->per_layer_ = load_per_layer_table(loader, s);
  model->altup_ = load_altup_table(loader, s);
  for (int i = 0; i < static_cast<int>(s.layers.size()) && !loader.failed(); ++i) {
    model->load_layer(loader, i);
  }
  if (s.output_norm == NormUse::kWeights) {
    model->output_norm_ = loader.norm(std::string(s.norm_names.output), s.width);
  }
  model->output_ = loader.linear("output", s.width, s.vocabulary, Presence::kOptional);
  if (!model->output_) model->output_.weight = model->embedding_;  // tied
  if (Status status = loader.finish(); !status) return status.error();
  if (Status status = model->allocate_workspace(); !status) return status.error();
  return model;
}

void Model::load_layer(WeightLoader& loader, int index) {
  const LayerSpec& spec = spec_.layers[index];
  const NormNames& names = spec_.norm_names;
  const std::string prefix = block_prefix(index);
  const auto norm = [&](std::string_view name, Presence presence) {
    return name.empty() ? Norm{} : loader.norm(tensor_name(prefix, name), spec_.width, presence);
  };
  Layer layer;
  if (has_mixer(spec) && spec_.pre_norm == NormUse::kWeights) {
    layer.mixer_norm = norm(names.mixer, Presence::kRequired);
  }
  if (spec.attention.heads > 0) {
    layer.attention = load_attention(loader, spec.attention, spec_.width, prefix);
  }
  if (spec.latent.heads > 0) {
    layer.latent = load_latent_attention(loader, spec.latent, spec_.width, prefix);
  }
  layer.recurrent = load_recurrent(loader, spec.recurrent, spec_.width, prefix);
  layer.mixer_post_norm = norm(names.mixer_post, Presence::kOptional);
  if (has_ffn(spec) && spec_.pre_norm == NormUse::kWeights) {
    // A parallel block may feed what the mixer reads to both.
    layer.ffn_norm =
        norm(names.ffn, spec_.parallel_residual ? Presence::kOptional : Presence::kRequired);
  }
  load_ffn(loader, spec, prefix, layer);
  layer.ffn_post_norm = norm(names.ffn_post, Presence::kOptional);
  layer.per_layer = load_per_layer(loader, spec_, prefix);
  layer.altup = load_altup(loader, spec_, prefix);
  const auto scale =
      loader.values(tensor_name(prefix, "layer_output_scale.weight"), 1, Presence::kOptional);
  layer.output_scale = scale.empty() ? spec.output_scale : scale[0];
  layers_.push_back(std::move(layer));
}

void Model::load_ffn(WeightLoader& loader, const LayerSpec& spec, const std::string& prefix,
                     Layer& layer) {
  layer.recurrent_ffn = load_recurrent(loader, spec.recurrent_ffn, spec_.width, prefix);
  if (spec.mlp.width > 0) layer.mlp = load_mlp(loader, spec.mlp, spec_.width, prefix);
  if (spec.shared.width > 0) {
    layer.shared = load_mlp(loader, spec.shared, spec_.width, prefix, "_shexp");
    layer.shared_gate = loader.linear(tensor_name(prefix, "ffn_gate_inp_shexp"), spec_.width, 1,
                                      Presence::kOptional);
  }
  if (spec.moe.experts > 0) {
    layer.moe = load_moe(loader, spec.moe, spec_.width, prefix);
    layer.experts_norm =
        loader.norm(tensor_name(prefix, "ffn_norm_exps"), spec_.width, Presence::kOptional);
  }
}

Status Model::allocate_workspace() {
  std::int64_t block_columns = 0;
  for (const LayerSpec& layer : spec_.layers) {
    block_columns = std::max({block_columns, attention_columns(layer.attention),
                              latent_attention_columns(layer.latent), mlp_columns(layer.mlp),
                              mlp_columns(layer.shared) + spec_.width + 1,
                              moe_columns(layer.moe, spec_.width)});
  }
  for (const Layer& layer : layers_) {
    for (const RecurrentBlock* block : {layer.recurrent.get(), layer.recurrent_ffn.get()}) {
      if (block) block_columns = std::max(block_columns, block->workspace_columns());
    }
  }
  constexpr int kViews = 40;  // more than are alive at any time
  // The residual stream, embeddings, inputs of mixer, feed-forward and experts, a block's result.
  constexpr int kStreams = 6;
  const std::int64_t rows = Workspace::floats_for(
      limits_.rows,
      kStreams * spec_.width + spec_.shared_columns + altup_columns(spec_) +
          (2 * std::ssize(spec_.layers) + 1) * spec_.per_layer_width + block_columns,
      kViews);
  const std::int64_t outputs =
      Workspace::floats_for(limits_.outputs, 2 * spec_.width + spec_.vocabulary, kViews);
  auto buffer = backend_.allocate(rows + outputs);
  if (!buffer) return buffer.error();
  workspace_ = std::make_unique<Workspace>(std::move(*buffer));
  return {};
}

KvShape Model::kv_shape(KvType type, std::int64_t pages) const {
  return {kv_layer_shapes(spec_), type, pages};
}

View Model::embed(const Batch& batch) {
  const View x = workspace_->view(static_cast<std::int64_t>(batch.tokens.size()), spec_.width);
  backend_.embed_rows(*embedding_, batch.tokens, x);
  if (spec_.embedding_scale != 1.0f) backend_.scale(x, spec_.embedding_scale);
  if (positions_) {
    const Workspace::Scope scope(*workspace_);
    const View positions = workspace_->view(x.rows, x.columns);
    backend_.embed_rows(*positions_, batch.layout.positions, positions);
    backend_.add_scaled(positions, 1.0f, 1.0f, x);
  }
  if (spec_.embedding_norm != NormUse::kNone) {
    backend_.norm(x,
                  {spec_.norm, spec_.norm_epsilon, embedding_norm_.weight_data(),
                   embedding_norm_.bias_data()},
                  x);
  }
  return x;
}

StateShape Model::state_shape(std::int64_t slots) const {
  return linnet::state_shape(spec_, slots);
}

View Model::forward(const Batch& batch, KvStore& kv, StateStore* states) {
  const Workspace::Scope scope(*workspace_);
  const View shared =
      workspace_->view(static_cast<std::int64_t>(batch.tokens.size()), spec_.shared_columns);
  const Pass pass{backend_, *workspace_, spec_, kv, states, batch.layout, shared};
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
  } else {
    for (int i = 0; i < layers; ++i) run_layer(pass, i, embeddings, per_layer_inputs, x);
  }
  const View logits = head(x, batch.outputs);
  if (batch.keeps_hidden) keep_hidden(x);
  return logits;
}

// Where the rows themselves were: nobody needs them any more.
void Model::keep_hidden(View x) {
  if (spec_.output_norm != NormUse::kNone) {
    const NormParams params{spec_.norm, spec_.norm_epsilon, output_norm_.weight_data(),
                            output_norm_.bias_data()};
    backend_.norm(x, params, x);
  }
  hidden_ = x;
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

void Model::run_layer(const Pass& pass, int index, View embeddings, View per_layer_inputs, View x) {
  const Workspace::Scope scope(*workspace_);
  const Layer& layer = layers_[index];
  const LayerSpec& spec = spec_.layers[index];
  FfnInput in = read_before_mixer(layer, spec, x);
  View mixer_in{};
  if (has_mixer(spec)) {
    mixer_in = normalise(layer.mixer_norm, spec_.pre_norm, x);
    if (spec_.parallel_residual) {
      in.dense = layer.ffn_norm ? normalise(layer.ffn_norm, NormUse::kWeights, x) : mixer_in;
    }
    add_to_residual(pass, layer.mixer_post_norm, 1.0f, x, [&](View out, bool accumulate) {
      run_mixer(pass, index, mixer_in, out, accumulate);
    });
  }
  if (has_ffn(spec)) {
    if (!in.dense.data) in.dense = normalise(layer.ffn_norm, spec_.pre_norm, x);
    if (!in.experts.data) in.experts = in.dense;
    if (!in.router.data) in.router = in.experts;
    add_to_residual(pass, layer.ffn_post_norm, spec.ffn_scale, x,
                    [&](View out, bool accumulate) { run_ffn(pass, index, in, out, accumulate); });
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
  const auto count = static_cast<std::int64_t>(outputs.size());
  const View logits = workspace_->view(count, spec_.vocabulary);
  const View last = workspace_->view(count, spec_.width);
  backend_.gather_rows(x, outputs, last);
  const View normed = normalise(output_norm_, spec_.output_norm, last);
  const MatmulOutput output = output_.to(logits);
  backend_.matmul(normed, {&output, 1});
  if (spec_.logit_scale != 1.0f) backend_.scale(logits, spec_.logit_scale);
  if (spec_.logit_softcap > 0.0f) backend_.softcap(logits, spec_.logit_softcap);
  return logits;
}

StateShape state_shape(const ModelSpec& spec, std::int64_t slots) {
  StateShape shape{{}, slots};
  for (const LayerSpec& layer : spec.layers) {
    shape.layer_floats.push_back(state_floats(layer.recurrent) + state_floats(layer.recurrent_ffn));
  }
  return shape;
}

std::int64_t state_bytes(const ModelSpec& spec) {
  std::int64_t floats = 0;
  for (const std::int64_t layer : state_shape(spec, 1).layer_floats) floats += layer;
  return floats * static_cast<std::int64_t>(sizeof(float));
}

std::int64_t kv_bytes_per_token(const ModelSpec& spec, KvType type) {
  std::int64_t values = 0;
  for (const KvLayerShape& shape : kv_layer_shapes(spec)) {
    values += std::int64_t{shape.heads} * (shape.key_width + shape.value_width);
  }
  if (type == KvType::kQ8_0) return values * 34 / 32;
  return values * (type == KvType::kF16 ? 2 : 4);
}

}  // namespace linnet
