#include <cmath>

#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {
namespace {

// By the name in Hugging Face's config.json, or that of the whole gated unit.
Activation gate_activation(std::string_view name) {
  if (name == "silu" || name == "swish" || name == "swiglu") return Activation::kSilu;
  return name == "reglu" ? Activation::kRelu : Activation::kGelu;
}

// A token sees as many tokens before it as after it.
void centre_sliding_windows(ModelSpec& spec) {
  each_attention(spec, [](AttentionSpec& a) {
    if (a.span == AttentionSpan::kSliding) a.span = AttentionSpan::kCentred;
  });
}

}  // namespace

// Decoders turned into encoders, for embeddings.

// EuroBERT (https://arxiv.org/abs/2503.05500).
ModelSpec read_eurobert(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half(p, loader);
  make_encoder(spec);
  return spec;
}

// NeoBERT (https://arxiv.org/abs/2502.19587).
ModelSpec read_neo_bert(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_adjacent(p, loader);
  make_encoder(spec);
  spec.norm_names.output = "enc.output_norm";
  return spec;
}

// Llama as an encoder, as Nemotron's embeddings are.
ModelSpec read_llama_embed(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_adjacent_normalised(p, loader);
  make_encoder(spec);
  return spec;
}

// ModernBERT (https://arxiv.org/abs/2412.13663): one of three layers sees all, the others a window
// with rope of their own base (without one that of the others, as in its own code; llama.cpp's is
// 10000).
ModelSpec read_modern_bert(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half(p, loader);
  use_layer_norms(p, spec);
  make_encoder(spec);
  spec.embedding_norm = NormUse::kWeights;
  set_activation(spec, gate_activation(p.string("hidden_activation", "gelu")));
  read_sliding_window(p, {.period = 3, .full_first = true}, spec);
  const Rope rope = with_usual_base(read_rope(p, loader, spec));
  set_sliding_rope(p, rope, RopeLayout::kSplitHalf, false, spec);
  centre_sliding_windows(spec);
  // What the first layer reads has just been normalised.
  if (!spec.layers.empty()) {
    spec.layers[0].bare_mixer_input = !loader.has("blk.0.attn_norm.weight");
  }
  return spec;
}

// EmbeddingGemma (https://arxiv.org/abs/2509.20354).
ModelSpec read_gemma_embedding(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_gemma3(p, loader);
  make_encoder(spec);
  each_attention(
      spec, [](AttentionSpec& a) { a.scale = 1.0f / std::sqrt(static_cast<float>(a.key_width)); });
  centre_sliding_windows(spec);
  return spec;
}

}  // namespace linnet
