#include "model/model.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace linnet {
namespace {

std::string block_prefix(int layer) { return fmt::format("blk.{}", layer); }

bool has_mixer(const LayerSpec& layer) {
  return layer.attention.heads > 0 || is_present(layer.recurrent);
}

bool has_ffn(const LayerSpec& layer) {
  return layer.mlp.width > 0 || layer.moe.experts > 0 || is_present(layer.recurrent_ffn);
}

// out (+)= what a block computes, through the block's post-norm and the model's residual scale.
template <class Block>
void add_to_residual(const Pass& pass, const Norm& post_norm, View residual, Block&& block) {
  if (!post_norm && pass.model.residual_scale == 1.0f) return block(residual, true);
  const Workspace::Scope scope(pass.workspace);
  const View out = pass.workspace.view(residual.rows, residual.columns);
  block(out, false);
  if (post_norm) {
    const NormParams params{pass.model.norm, pass.model.norm_epsilon, post_norm.weight_data(),
                            post_norm.bias_data()};
    pass.backend.norm(out, params, out);
  }
  pass.backend.add_scaled(out, pass.model.residual_scale, 1.0f, residual);
}

}  // namespace

Result<std::unique_ptr<Model>> Model::load(ModelSpec spec, WeightLoader& loader, Backend& backend,
                                           const BatchLimits& limits) {
  std::unique_ptr<Model> model(new Model(std::move(spec), backend, limits));
  const ModelSpec& s = model->spec_;
  Linear embedding = loader.linear("token_embd", s.width, s.vocabulary);
  model->embedding_ = embedding.weight;
  for (int i = 0; i < static_cast<int>(s.layers.size()) && !loader.failed(); ++i) {
    model->load_layer(loader, i);
  }
  model->output_norm_ = loader.norm(std::string(s.norm_names.output), s.width);
  if (s.embedding_norm == NormUse::kWeights)
    model->embedding_norm_ = loader.norm("token_embd_norm", s.width, Presence::kOptional);
  model->output_ = loader.linear("output", s.width, s.vocabulary, Presence::kOptional);
  if (!model->output_) model->output_.weight = model->embedding_;  // tied
  if (Status status = loader.finish(); !status) return status.error();
  if (Status status = model->allocate_workspace(); !status) return status.error();
  return model;
}

void Model::load_layer(WeightLoader& loader, int index) {
  const LayerSpec& spec = spec_.layers[index];
  const std::string prefix = block_prefix(index);
  const auto name = [&](std::string_view part) { return fmt::format("{}.{}", prefix, part); };
  const NormNames& names = spec_.norm_names;
  Layer layer;
  if (has_mixer(spec)) layer.mixer_norm = loader.norm(name(names.mixer), spec_.width);
  if (spec.attention.heads > 0) {
    layer.attention = load_attention(loader, spec.attention, spec_.width, prefix);
  }
  layer.recurrent = load_recurrent(loader, spec.recurrent, spec_.width, prefix);
  if (!names.mixer_post.empty()) {
    layer.mixer_post_norm = loader.norm(name(names.mixer_post), spec_.width, Presence::kOptional);
  }
  if (has_ffn(spec)) layer.ffn_norm = loader.norm(name(names.ffn), spec_.width);
  if (spec.mlp.width > 0) layer.mlp = load_mlp(loader, spec.mlp, spec_.width, prefix);
  if (spec.moe.experts > 0) layer.moe = load_moe(loader, spec.moe, spec_.width, prefix);
  layer.recurrent_ffn = load_recurrent(loader, spec.recurrent_ffn, spec_.width, prefix);
  layer.ffn_post_norm = loader.norm(prefix + ".post_ffw_norm", spec_.width, Presence::kOptional);
  layers_.push_back(std::move(layer));
}

Status Model::allocate_workspace() {
  std::int64_t block_columns = 0;
  for (const LayerSpec& layer : spec_.layers) {
    block_columns = std::max({block_columns, attention_columns(layer.attention),
                              mlp_columns(layer.mlp), moe_columns(layer.moe, spec_.width)});
  }
  for (const Layer& layer : layers_) {
    for (const RecurrentBlock* block : {layer.recurrent.get(), layer.recurrent_ffn.get()}) {
      if (block) block_columns = std::max(block_columns, block->workspace_columns());
    }
  }
  constexpr int kViews = 40;  // more than are alive at any time
  const std::int64_t rows = Workspace::floats_for(
      limits_.rows, 3 * spec_.width + spec_.shared_columns + block_columns, kViews);
  const std::int64_t outputs =
      Workspace::floats_for(limits_.outputs, 2 * spec_.width + spec_.vocabulary, kViews);
  auto buffer = backend_.allocate(rows + outputs);
  if (!buffer) return buffer.error();
  workspace_ = std::make_unique<Workspace>(std::move(*buffer));
  return {};
}

KvShape Model::kv_shape(KvType type, std::int64_t pages) const {
  KvShape shape{{}, type, pages};
  for (const LayerSpec& layer : spec_.layers) {
    const AttentionSpec& attention = layer.attention;
    shape.layers.push_back({attention.kv_heads, attention.key_width, attention.value_width});
  }
  return shape;
}

StateShape Model::state_shape(std::int64_t slots) const {
  return linnet::state_shape(spec_, slots);
}

View Model::forward(const Batch& batch, KvStore& kv, StateStore* states) {
  const Workspace::Scope scope(*workspace_);
  const auto rows = static_cast<std::int64_t>(batch.tokens.size());
  const View shared = workspace_->view(rows, spec_.shared_columns);
  const Pass pass{backend_, *workspace_, spec_, kv, states, batch.layout, shared};
  const View x = workspace_->view(rows, spec_.width);
  backend_.embed_rows(*embedding_, batch.tokens, x);
  if (spec_.embedding_scale != 1.0f) backend_.scale(x, spec_.embedding_scale);
  if (embedding_norm_) {
    backend_.norm(x,
                  {spec_.norm, spec_.norm_epsilon, embedding_norm_.weight_data(),
                   embedding_norm_.bias_data()},
                  x);
  }
  for (int i = 0; i < static_cast<int>(layers_.size()); ++i) run_layer(pass, i, x);
  return head(x, batch.outputs);
}

void Model::run_layer(const Pass& pass, int index, View x) {
  const Workspace::Scope scope(*workspace_);
  const Layer& layer = layers_[index];
  const LayerSpec& spec = spec_.layers[index];
  const View mixer_in = has_mixer(spec) ? normalise(layer.mixer_norm, x) : View{};
  // In a parallel block the feed-forward part reads the layer's input too.
  const View ffn_in = spec_.parallel_residual
                          ? (layer.ffn_norm ? normalise(layer.ffn_norm, x) : mixer_in)
                          : workspace_->view(x.rows, x.columns);
  if (has_mixer(spec)) {
    add_to_residual(pass, layer.mixer_post_norm, x, [&](View out, bool accumulate) {
      run_mixer(pass, index, mixer_in, out, accumulate);
    });
  }
  if (!has_ffn(spec)) return;
  if (!spec_.parallel_residual) {
    backend_.norm(
        x,
        {spec_.norm, spec_.norm_epsilon, layer.ffn_norm.weight_data(), layer.ffn_norm.bias_data()},
        ffn_in);
  }
  add_to_residual(pass, layer.ffn_post_norm, x, [&](View out, bool accumulate) {
    run_ffn(pass, index, ffn_in, out, accumulate);
  });
  if (spec.output_scale != 1.0f) backend_.scale(x, spec.output_scale);
}

View Model::normalise(const Norm& norm, View in) {
  const View out = workspace_->view(in.rows, in.columns);
  backend_.norm(in, {spec_.norm, spec_.norm_epsilon, norm.weight_data(), norm.bias_data()}, out);
  return out;
}

void Model::run_mixer(const Pass& pass, int index, View in, View out, bool accumulate) {
  const LayerSpec& spec = spec_.layers[index];
  if (spec.attention.heads > 0) {
    attention_block(pass, spec.attention, layers_[index].attention, index, in, out, accumulate);
    accumulate = true;
  }
  if (layers_[index].recurrent) {
    layers_[index].recurrent->run(pass, {index, 0}, in, out, accumulate);
  }
}

void Model::run_ffn(const Pass& pass, int index, View in, View out, bool accumulate) {
  const LayerSpec& spec = spec_.layers[index];
  if (spec.mlp.width > 0) {
    mlp_block(pass, spec.mlp, layers_[index].mlp, in, out, accumulate);
    accumulate = true;
  }
  if (layers_[index].recurrent_ffn) {
    const std::int64_t first = state_floats(spec.recurrent);
    return layers_[index].recurrent_ffn->run(pass, {index, first}, in, out, accumulate);
  }
  if (spec.moe.experts == 0) return;
  if (!accumulate) backend_.fill(out, 0.0f);
  moe_block(pass, spec.moe, layers_[index].moe, in, out);
}

View Model::head(View x, std::span<const std::int32_t> outputs) {
  const auto count = static_cast<std::int64_t>(outputs.size());
  const View logits = workspace_->view(count, spec_.vocabulary);
  const View last = workspace_->view(count, spec_.width);
  backend_.gather_rows(x, outputs, last);
  const View normed = normalise(output_norm_, last);
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
  for (const LayerSpec& layer : spec.layers) {
    const AttentionSpec& a = layer.attention;
    values += std::int64_t{a.kv_heads} * (a.key_width + a.value_width);
  }
  if (type == KvType::kQ8_0) return values * 34 / 32;
  return values * (type == KvType::kF16 ? 2 : 4);
}

}  // namespace linnet
