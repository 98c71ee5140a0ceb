#include <fmt/format.h>

#include <cmath>

#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {

// Arctic: a dense part, and experts that read what attention reads.
ModelSpec read_arctic(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_adjacent_normalised(p, loader);
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    LayerSpec& layer = spec.layers[i];
    layer.mlp.width = static_cast<int>(loader.rows(block_name(i, "ffn_up")));
    layer.moe.input = MoeSpec::Input::kAllBeforeMixer;
  }
  return spec;
}

ModelSpec read_dbrx(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half_normalised(p, loader);
  use_layer_norms(p, spec);
  spec.norm_names.ffn = "attn_output_norm";
  const float clamp = p.number("attention.clamp_kqv", 0.0f);
  each_attention(spec, [&](AttentionSpec& a) { a.clamp = clamp; });
  return spec;
}

// gpt-oss (https://arxiv.org/abs/2508.10925): attention sinks, a clamped SwiGLU.
ModelSpec read_gpt_oss(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_late_ffn_norm(p, loader);
  read_sliding_window(p, {.period = 2}, spec);
  set_sliding_rope(p, read_rope(p, loader, spec), RopeLayout::kSplitHalf, true, spec);
  each_moe(spec, [](MoeSpec& moe) {
    moe.gate.activation = Activation::kClampedSwiglu;
    moe.route.gate = GateFunction::kSoftmaxAfterTopK;
  });
  return spec;
}

// SmallThinker: the router reads what attention reads; full layers go without rope.
ModelSpec read_smallthinker(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half_normalised(p, loader);
  set_activation(spec, Activation::kRelu);
  read_sliding_window(p, {.period = 4, .full_first = true}, spec);
  drop_rope_of_full_layers(spec);
  each_moe(spec, [](MoeSpec& moe) { moe.input = MoeSpec::Input::kRouterBeforeMixer; });
  return spec;
}

// AFMoE: sigmoid gates on the attention result; every fourth layer sees all and goes without rope.
ModelSpec read_afmoe(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half(p, loader);
  spec.embedding_scale = std::sqrt(static_cast<float>(spec.width));
  read_sliding_window(p, {.period = 4}, spec);
  set_sliding_rope(p, read_rope(p, loader, spec), RopeLayout::kSplitHalf, true, spec);
  drop_rope_of_every(spec, 4);
  default_gate(p, GateFunction::kSigmoid, spec);
  return spec;
}

// Laguna: softplus gates on the attention result.
ModelSpec read_laguna(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half(p, loader);
  read_sliding_window(p, {.period = 4, .full_first = true}, spec);
  const Rope rope = with_sliding_dims(p, read_rope(p, loader, spec));
  set_sliding_rope(p, rope, RopeLayout::kSplitHalf, false, spec);
  each_attention(spec, [](AttentionSpec& a) { a.gate = Activation::kSoftplus; });
  default_gate(p, GateFunction::kSigmoid, spec);
  return spec;
}

// Maple: full layers go without rope; what goes into the gate of the experts is limited.
ModelSpec read_maple(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half_normalised(p, loader);
  read_sliding_window(p, {}, spec);
  const Rope rope = with_sliding_dims(p, read_rope(p, loader, spec));
  set_sliding_rope(p, rope, RopeLayout::kSplitHalf, true, spec);
  drop_rope_of_full_layers(spec);
  read_gate_clamps(p, spec);
  each_moe(spec, [](MoeSpec& moe) {
    moe.route.gate = GateFunction::kSoftmax;
    moe.gate.clamps_before = true;
  });
  return spec;
}

ModelSpec read_mellum(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half_normalised(p, loader);
  each_moe(spec, [](MoeSpec& moe) { moe.route.gate = GateFunction::kSoftmax; });
  read_sliding_window(p, {.period = 4}, spec);
  set_sliding_rope(p, read_rope(p, loader, spec), RopeLayout::kSplitHalf, false, spec);
  return spec;
}

// MiMo 2: sinks in the layers that have them; the values are scaled.
ModelSpec read_mimo2(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half_normalised(p, loader);
  read_sliding_window(p, {}, spec);
  const Rope rope = with_usual_base(read_rope(p, loader, spec));
  set_sliding_rope(p, rope, RopeLayout::kSplitHalf, false, spec);
  const float scale = p.nonzero_number("attention.value_scale", 1.0f);
  each_attention(spec, [&](AttentionSpec& a) { a.output_scale = scale; });
  each_moe(spec, [](MoeSpec& moe) { moe.route.gate = GateFunction::kSigmoid; });
  ignore_unused_dense(spec);
  predict_before_last_norm(p, spec);
  return spec;
}

// GroveMoE: the experts of a group share a small one.
ModelSpec read_grove_moe(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half_normalised(p, loader);
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    MoeSpec& moe = spec.layers[i].moe;
    if (moe.experts == 0) continue;
    AdjugateSpec& adjugate = moe.adjugate;
    adjugate.group_size = p.required_count("experts_per_group", moe.experts);
    adjugate.width = static_cast<int>(loader.rows(block_name(i, "ffn_up_chexps")));
    adjugate.scale = p.number("expert_group_scale", 1.0f);
    if (moe.experts % adjugate.group_size != 0) {
      p.fail(
          fmt::format("metadata key {0}.experts_per_group is {1}, expected a divisor of the {2} in "
                      "{0}.expert_count",
                      p.architecture(), adjugate.group_size, moe.experts));
    }
  }
  return spec;
}

}  // namespace linnet
