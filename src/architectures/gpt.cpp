#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {

// GPT-2 and StarCoder: learned positions, layer norm, a feed-forward part without gate.
ModelSpec read_gpt2(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  use_layer_norms(p, spec);
  spec.position_rows = required_rows(p, loader, "position_embd");
  set_activation(spec, Activation::kGelu);
  return spec;
}

ModelSpec read_bloom(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  use_layer_norms(p, spec);
  spec.embedding_norm = NormUse::kWeights;
  set_activation(spec, Activation::kGelu);
  each_attention(spec, [](AttentionSpec& a) { a.alibi_bias = 8.0f; });
  return spec;
}

// MPT: learned positions or ALiBi.
ModelSpec read_mpt(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  use_layer_norms(p, spec);
  spec.position_rows = loader.rows("position_embd");
  set_activation(spec, Activation::kGeluOfHalves);
  const float bias = p.number("attention.max_alibi_bias", 0.0f);
  const float clamp = p.number("attention.clamp_kqv", 0.0f);
  const bool has_norms = loader.has("blk.0.attn_q_norm.weight");
  each_attention(spec, [&](AttentionSpec& a) {
    a.alibi_bias = bias;
    a.clamp = clamp;
  });
  // A key norm alone takes no part.
  for (std::size_t i = 0; i < spec.layers.size() && !has_norms; ++i) {
    spec.unused_tensors.push_back(block_name(i, "attn_k_norm"));
  }
  return spec;
}

// Jais: scores by the width of a head, not its root.
ModelSpec read_jais(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  use_layer_norms(p, spec);
  const float bias = p.number("attention.max_alibi_bias", 0.0f);
  each_attention(spec, [&](AttentionSpec& a) {
    a.alibi_bias = bias;
    a.scale = 1.0f / static_cast<float>(a.key_width);
  });
  return spec;
}

ModelSpec read_refact(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  for (LayerSpec& layer : spec.layers) {
    layer.attention.alibi_bias = 8.0f;
    // llama.cpp loads experts of a Refact file and leaves the activation alone in their place.
    if (layer.moe.experts == 0) continue;
    layer.moe = {};
    layer.mlp = {};
    layer.mlp.width = static_cast<int>(spec.width);
    layer.mlp.projected = false;
  }
  for (const char* part : {"*_exps.weight", "*_exps.scale", "*.ffn_gate_inp.weight"}) {
    spec.unused_tensors.emplace_back(part);
  }
  return spec;
}

ModelSpec read_starcoder2(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half(p, loader);
  use_layer_norms(p, spec);
  set_activation(spec, Activation::kGeluOfHalves);
  return spec;
}

// CodeShell, whose one table of tokens may have the name of the last projection.
ModelSpec read_codeshell(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_starcoder2(p, loader);
  if (loader.has("token_embd.weight")) return spec;
  spec.tokens_tensor = "output";
  spec.vocabulary = required_rows(p, loader, "output");
  return spec;
}

}  // namespace linnet
