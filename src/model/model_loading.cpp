#include <fmt/format.h>

#include <algorithm>

#include "model/blocks/project.hpp"
#include "model/model.hpp"

namespace linnet {
namespace {

std::string block_prefix(const ModelSpec& spec, int layer) {
  if (layer < spec.input.layers) return fmt::format("enc.blk.{}", layer);
  return fmt::format("{}.{}", spec.layer_name, layer - spec.input.layers);
}

std::string tensor_name(const std::string& prefix, std::string_view part) {
  return fmt::format("{}.{}", prefix, part);
}

}  // namespace

Model::Model(ModelSpec spec, std::span<const LayerPlace> places, const BatchLimits& limits)
    : spec_(std::move(spec)), limits_(limits) {
  int first = 0;
  for (const LayerPlace& place : places) {
    stages_.push_back({place.backend, {first, place.end}});
    first = place.end;
  }
}

Result<std::unique_ptr<Model>> Model::load(ModelSpec spec, WeightLoader& loader,
                                           std::span<const LayerPlace> places,
                                           const BatchLimits& limits) {
  std::unique_ptr<Model> model(new Model(std::move(spec), places, limits));
  const ModelSpec& s = model->spec_;
  for (const std::string& pattern : s.unused_tensors) loader.ignore(pattern);
  loader.ignore("rope_f");  // factors of the frequencies, read with the hyper-parameters
  loader.load_into(*model->stages_.front().backend);
  model->load_before_layers(loader);
  for (const Stage& stage : model->stages_) {
    loader.load_into(*stage.backend);
    const int end = std::min(stage.layers.end, static_cast<int>(s.layers.size()));
    for (int i = stage.layers.first; i < end && !loader.failed(); ++i) model->load_layer(loader, i);
  }
  model->load_behind_layers(loader);
  if (Status status = loader.finish(); !status) return status.error();
  if (Status status = model->allocate_workspace(loader); !status) return status.error();
  return model;
}

void Model::load_before_layers(WeightLoader& loader) {
  if (spec_.vocabulary > 0) {
    embedding_ = loader.table("token_embd", spec_.width, spec_.vocabulary);
  }
  if (spec_.position_rows > 0) {
    positions_ = loader.table("position_embd", spec_.width, spec_.position_rows);
  }
  if (const std::int64_t types = loader.rows("token_types"); types > 0) {
    types_ = loader.table("token_types", spec_.width, types);
  }
  if (spec_.embedding_norm == NormUse::kWeights) {
    embedding_norm_ = loader.norm("token_embd_norm", spec_.width);
  }
  per_layer_ = load_per_layer_table(loader, spec_);
  altup_spread_ = load_altup_table(loader, spec_, "altup_proj");
  adapter_switch_ = load_adapter_switch(loader, spec_.adapters);
}

// kBehindLayers names these, for plans.
void Model::load_behind_layers(WeightLoader& loader) {
  if (spec_.input.layers > 0) input_norm_ = loader.norm("enc.output_norm", spec_.width);
  output_mix_ = load_residual_mix(loader, spec_, "output_res_score");
  output_streams_ = load_hyper_connection(loader, spec_, "output_hc", /*writes=*/false);
  altup_gather_ = load_altup_table(loader, spec_, "altup_unembd_proj");
  if (spec_.output_norm == NormUse::kWeights) {
    output_norm_ = loader.norm(std::string(spec_.norm_names.output), spec_.width);
  }
  if (const std::int64_t wide = loader.rows("dense_2"); wide > 0) {
    dense_up_ = loader.linear("dense_2", spec_.width, wide);
    dense_down_ = loader.linear("dense_3", wide, spec_.width);
  }
  if (spec_.encoder) return;
  output_ = loader.linear("output", spec_.width, spec_.vocabulary, Presence::kOptional);
  if (output_) return;
  output_.weight = stages_.size() == 1  // tied
                       ? embedding_
                       : loader.table("token_embd", spec_.width, spec_.vocabulary);
}

void Model::load_layer(WeightLoader& loader, int index) {
  const LayerSpec& spec = spec_.layers[index];
  const NormNames& names = spec_.norm_names;
  const std::string prefix = block_prefix(spec_, index);
  const auto norm = [&](std::string_view name, Presence presence) {
    return name.empty() ? Norm{} : loader.norm(tensor_name(prefix, name), spec_.width, presence);
  };
  Layer layer;
  if (spec.has_mixer() && spec_.pre_norm == NormUse::kWeights && !spec.bare_mixer_input) {
    layer.mixer_norm = norm(names.mixer, Presence::kRequired);
  }
  if (spec.attention.heads > 0) {
    layer.attention = load_attention(loader, spec.attention, spec_, prefix);
    const int first = index < spec_.input.layers ? 0 : spec_.input.layers;
    if (!layer.attention.distance_bias && index > first) {
      layer.attention.distance_bias = layers_[first].attention.distance_bias;
    }
  }
  if (spec.latent.heads > 0) {
    layer.latent = load_latent_attention(loader, spec.latent, spec_.width, prefix);
  }
  if (spec.compressed.heads > 0) {
    layer.compressed = load_compressed_attention(loader, spec.compressed, spec_.width, prefix);
  }
  layer.cross = load_cross_attention(loader, spec.cross, spec_.width, prefix);
  if (spec.cross.heads > 0) layer.cross_norm = norm(names.cross, Presence::kRequired);
  layer.recurrent = load_recurrent(loader, spec.recurrent, spec_.width, prefix);
  layer.mixer_scale =
      loader.vector(tensor_name(prefix, "ls1.weight"), spec_.width, Presence::kOptional);
  layer.ffn_scale =
      loader.vector(tensor_name(prefix, "ls2.weight"), spec_.width, Presence::kOptional);
  layer.mixer_post_norm = norm(names.mixer_post, Presence::kOptional);
  layer.mixer_sum_norm = norm(names.mixer_sum, Presence::kRequired);
  layer.mixer_again_norm = norm(names.mixer_again, Presence::kOptional);
  if (spec.has_ffn() && spec_.pre_norm == NormUse::kWeights) {
    // A parallel block may feed what the mixer reads to both.
    layer.ffn_norm =
        norm(names.ffn, spec_.parallel_residual ? Presence::kOptional : Presence::kRequired);
  }
  load_ffn(loader, spec, prefix, layer);
  layer.ffn_post_norm = norm(names.ffn_post, Presence::kOptional);
  layer.ffn_sum_norm = norm(names.ffn_sum, Presence::kRequired);
  layer.per_layer = load_per_layer(loader, spec_, prefix);
  layer.ngrams = load_ngrams(loader, spec.ngrams, spec_.width, prefix);
  layer.altup = load_altup(loader, spec_, prefix);
  layer.mixer_mix = load_residual_mix(loader, spec_, tensor_name(prefix, "attn_res_score"));
  layer.ffn_mix = load_residual_mix(loader, spec_, tensor_name(prefix, "ffn_res_score"));
  layer.mixer_streams = load_hyper_connection(loader, spec_, tensor_name(prefix, "hc_attn"), true);
  layer.ffn_streams = load_hyper_connection(loader, spec_, tensor_name(prefix, "hc_ffn"), true);
  // The second one in towers.
  std::string scale_name = tensor_name(prefix, "layer_output_scale.weight");
  if (!loader.has(scale_name)) scale_name = tensor_name(prefix, "out_scale.weight");
  const auto scale = loader.values(scale_name, 1, Presence::kOptional);
  layer.output_scale = scale.empty() ? spec.output_scale : scale[0];
  layers_.push_back(std::move(layer));
}

void Model::load_ffn(WeightLoader& loader, const LayerSpec& spec, const std::string& prefix,
                     Layer& layer) {
  layer.recurrent_ffn = load_recurrent(loader, spec.recurrent_ffn, spec_.width, prefix);
  if (spec.mlp.width > 0) layer.mlp = load_mlp(loader, spec.mlp, spec_, prefix);
  if (spec.shared.width > 0) {
    layer.shared = load_mlp(loader, spec.shared, spec_, prefix, "_shexp");
    layer.shared_gate = loader.linear(tensor_name(prefix, "ffn_gate_inp_shexp"), spec_.width, 1,
                                      Presence::kOptional);
  }
  if (spec.moe.experts > 0) {
    layer.moe = load_moe(loader, spec.moe, spec_.width, prefix);
    layer.experts_norm =
        loader.norm(tensor_name(prefix, "ffn_norm_exps"), spec_.width,
                    spec.moe.input == MoeSpec::Input::kAllBeforeMixer ? Presence::kRequired
                                                                      : Presence::kOptional);
  }
}

Status Model::allocate_workspace(const WeightLoader& loader) {
  std::int64_t block_columns = dense_up_ ? dense_up_.weight->rows() : 0;
  for (const LayerSpec& layer : spec_.layers) {
    block_columns = std::max(
        {block_columns, attention_columns(layer.attention, spec_),
         latent_attention_columns(layer.latent), compressed_attention_columns(layer.compressed),
         cross_attention_columns(layer.cross), mlp_columns(layer.mlp, spec_),
         mlp_columns(layer.shared, spec_) + spec_.width + 1, moe_columns(layer.moe, spec_.width),
         ngram_columns(layer.ngrams, spec_.width)});
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
      (kStreams + std::ssize(spec_.kept_layers)) * spec_.width + spec_.shared_columns +
          altup_columns(spec_) + residual_mix_columns(spec_) + hyper_connection_columns(spec_) +
          adapter_switch_columns(spec_.adapters) +
          (2 * std::ssize(spec_.layers) + 1) * spec_.per_layer_width + block_columns,
      kViews);
  const std::int64_t logits = spec_.encoder ? 0 : spec_.vocabulary;
  const std::int64_t outputs =
      Workspace::floats_for(limits_.outputs, 2 * spec_.width + logits, kViews);
  const std::int64_t around_projections = adapter_floats(limits_.rows, loader.adapter_rank()) +
                                          clipped_floats(limits_.rows, loader.clipped_columns());
  for (Stage& stage : stages_) {
    auto buffer = stage.backend->allocate(rows + outputs + around_projections);
    if (!buffer) return buffer.error();
    stage.workspace = std::make_unique<Workspace>(std::move(*buffer));
  }
  return {};
}

}  // namespace linnet
