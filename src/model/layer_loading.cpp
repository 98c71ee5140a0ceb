#include <fmt/format.h>

#include <cmath>

#include "model/layer.hpp"

namespace linnet {
namespace {

std::string prefix_of(const ModelSpec& model, int index) {
  if (!model.layers[index].name.empty()) return std::string(model.layers[index].name);
  if (index < model.input.layers) return fmt::format("enc.blk.{}", index);
  return fmt::format("{}.{}", model.layer_name,
                     model.first_block + model.cycles.block(index - model.input.layers));
}

// Loads a layer part by part.
class LayerLoader {
 public:
  LayerLoader(WeightLoader& loader, const ModelSpec& model, int index)
      : loader_(loader),
        model_(model),
        spec_(model.layers[index]),
        index_(index),
        prefix_(prefix_of(model, index)) {}

  void load_mixer(LayerWeights& layer) const {
    const NormNames& names = model_.norm_names;
    if (spec_.has_mixer() && model_.pre_norm == NormUse::kWeights && !spec_.bare_mixer_input) {
      layer.mixer_norm = norm(names.mixer, Presence::kRequired);
    }
    if (model_.prediction.kind == PredictionSpec::Kind::kBeside) {
      layer.mixer_stream_norm = norm("attn_norm_2", Presence::kRequired);
    }
    if (spec_.attention.heads > 0) {
      layer.attention = load_attention(loader_, spec_.attention, model_, prefix_);
    }
    if (spec_.latent.heads > 0) {
      layer.latent = load_latent_attention(loader_, spec_.latent, model_.width, prefix_);
    }
    if (spec_.compressed.heads > 0) {
      layer.compressed =
          load_compressed_attention(loader_, spec_.compressed, model_.width, prefix_);
    }
    layer.cross = load_cross_attention(loader_, spec_.cross, model_.width, prefix_);
    if (spec_.cross.heads > 0) layer.cross_norm = norm(names.cross, Presence::kRequired);
    layer.recurrent = load_recurrent(loader_, spec_.recurrent, model_.width, prefix_);
    layer.mixer_scale = loader_.vector(name("ls1.weight"), model_.width, Presence::kOptional);
    layer.mixer_post_norm = norm(names.mixer_post, Presence::kOptional);
    layer.mixer_sum_norm = norm(names.mixer_sum, Presence::kRequired);
    layer.mixer_again_norm = norm(names.mixer_again, Presence::kOptional);
  }

  void load_ffn(LayerWeights& layer) const {
    const NormNames& names = model_.norm_names;
    if (spec_.has_ffn() && model_.pre_norm == NormUse::kWeights) {
      // A parallel block may feed what the mixer reads to both.
      layer.ffn_norm =
          norm(names.ffn, model_.residual.parallel ? Presence::kOptional : Presence::kRequired);
    }
    layer.recurrent_ffn = load_recurrent(loader_, spec_.recurrent_ffn, model_.width, prefix_);
    if (spec_.mlp.width > 0) layer.mlp = load_mlp(loader_, spec_.mlp, model_, prefix_);
    if (spec_.shared.width > 0) {
      layer.shared = load_mlp(loader_, spec_.shared, model_, prefix_, "_shexp");
      layer.shared_gate =
          loader_.linear(name("ffn_gate_inp_shexp"), model_.width, 1, Presence::kOptional);
    }
    if (spec_.moe.experts > 0) load_experts(layer);
    layer.ffn_scale = loader_.vector(name("ls2.weight"), model_.width, Presence::kOptional);
    layer.ffn_post_norm = norm(names.ffn_post, Presence::kOptional);
    layer.ffn_sum_norm = norm(names.ffn_sum, Presence::kRequired);
  }

  // What leads from stream to stream, and from pass to pass.
  void load_streams(LayerWeights& layer) const {
    layer.per_layer = load_per_layer(loader_, model_, prefix_);
    layer.ngrams = load_ngrams(loader_, spec_.ngrams, model_.width, prefix_);
    layer.altup = load_altup(loader_, model_, prefix_);
    layer.mixer_mix = load_residual_mix(loader_, model_, name("attn_res_score"));
    layer.ffn_mix = load_residual_mix(loader_, model_, name("ffn_res_score"));
    layer.mixer_streams = load_hyper_connection(loader_, model_, name("hc_attn"), true);
    layer.ffn_streams = load_hyper_connection(loader_, model_, name("hc_ffn"), true);
    if (model_.cycles.normalises && model_.cycles.begins_pass(index_)) {
      layer.pass_norm = loader_.norm(std::string(model_.norm_names.output), model_.width);
    }
    // The second one in towers.
    std::string scale_name = name("layer_output_scale.weight");
    if (!loader_.has(scale_name)) scale_name = name("out_scale.weight");
    const auto scale = loader_.values(scale_name, 1, Presence::kOptional);
    layer.output_scale = scale.empty() ? spec_.output_scale : scale[0];
  }

 private:
  void load_experts(LayerWeights& layer) const {
    layer.moe = load_moe(loader_, spec_.moe, model_.width, prefix_);
    if (spec_.moe.input == MoeSpec::Input::kOwnNorms) return load_own_norms(layer);
    layer.experts_norm = norm("ffn_norm_exps", spec_.moe.input == MoeSpec::Input::kAllBeforeMixer
                                                   ? Presence::kRequired
                                                   : Presence::kOptional);
  }

  void load_own_norms(LayerWeights& layer) const {
    layer.experts_norm = norm("pre_ffw_norm_2", Presence::kRequired);
    layer.dense_post_norm = norm("post_ffw_norm_1", Presence::kRequired);
    layer.experts_post_norm = norm("post_ffw_norm_2", Presence::kRequired);
    std::vector<float> scale = loader_.values(name("ffn_gate_inp.scale"), model_.width);
    for (float& factor : scale) factor /= std::sqrt(static_cast<float>(model_.width));
    layer.router_norm.weight = loader_.upload(scale);
  }

  std::string name(std::string_view part) const { return fmt::format("{}.{}", prefix_, part); }
  Norm norm(std::string_view part, Presence presence) const {
    return part.empty() ? Norm{} : loader_.norm(name(part), model_.width, presence);
  }

  WeightLoader& loader_;
  const ModelSpec& model_;
  const LayerSpec& spec_;
  int index_;
  std::string prefix_;
};

}  // namespace

LayerWeights load_layer(WeightLoader& loader, const ModelSpec& model, int index,
                        std::span<const LayerWeightsPtr> earlier) {
  const LayerLoader parts(loader, model, index);
  LayerWeights layer;
  parts.load_mixer(layer);
  parts.load_ffn(layer);
  parts.load_streams(layer);
  // Layers that read an input and layers that write each have a first one of their own.
  const int first = index < model.input.layers ? 0 : model.input.layers;
  if (!layer.attention.distance_bias && index > first) {
    layer.attention.distance_bias = earlier[first]->attention.distance_bias;
  }
  return layer;
}

}  // namespace linnet
