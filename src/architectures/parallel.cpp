#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {

// Command R: attention and feed-forward part side by side, after one norm without bias.
ModelSpec read_command_r(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_adjacent(p, loader);
  use_layer_norms(p, spec);
  spec.residual.parallel = true;
  spec.logit_scale = p.nonzero_number("logit_scale", 1.0f);
  return spec;
}

// Command R7B: three of four layers slide; only they have rope.
ModelSpec read_cohere2(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_command_r(p, loader);
  read_sliding_window(p, {.period = 4}, spec);
  drop_rope_of_full_layers(spec);
  return spec;
}

// Its experts: routed and shared ones count half each; the leading dense layers have rope too. The
// kind of norms follows from the file's epsilon.
ModelSpec read_cohere2_moe(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_adjacent(p, loader);
  spec.residual.parallel = true;
  spec.logit_scale = p.nonzero_number("logit_scale", 1.0f);
  read_sliding_window(p, {.period = 4, .full_first = true}, spec);
  const auto leading = static_cast<std::size_t>(p.count("leading_dense_block_count", 0));
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    LayerSpec& layer = spec.layers[i];
    if (layer.attention.span == AttentionSpan::kFull && i >= leading) layer.attention.rope = {};
    if (layer.shared.width > 0) layer.ffn_scale = 0.5f;
  }
  default_gate(p, GateFunction::kSigmoid, spec);
  set_sliding_rope(p, read_rope(p, loader, spec), RopeLayout::kAdjacent, true, spec);
  return spec;
}

ModelSpec read_falcon(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half(p, loader);
  use_layer_norms(p, spec);
  spec.residual.parallel = true;
  set_activation(spec, Activation::kGelu);
  // The 40B model has a norm for each of the two.
  if (loader.has("blk.0.attn_norm_2.weight")) {
    spec.norm_names.mixer = "attn_norm_2";
    spec.norm_names.ffn = "attn_norm";
  }
  return spec;
}

ModelSpec read_gptneox(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half(p, loader);
  use_layer_norms(p, spec);
  spec.residual.parallel = p.boolean("use_parallel_residual", true);
  set_activation(spec, Activation::kGelu);
  return spec;
}

ModelSpec read_plamo(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half(p, loader);
  spec.residual.parallel = true;
  return spec;
}

// StableLM: the 12B model has no norm before the feed-forward part, which then is parallel.
ModelSpec read_stablelm(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half(p, loader);
  use_layer_norms(p, spec);
  spec.residual.parallel = !loader.has("blk.0.ffn_norm.weight");
  return spec;
}

}  // namespace linnet
