#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {
namespace {

// BERT (https://arxiv.org/abs/1810.04805) and what it became: every token sees all others, norms
// come after what a block gave was added, and the result is the hidden states.
ModelSpec read_after_norms(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  use_layer_norms(p, spec);
  make_encoder(spec);
  spec.embedding_norm = NormUse::kWeights;
  spec.pre_norm = spec.output_norm = NormUse::kNone;
  spec.norm_names.mixer_sum = "attn_output_norm";
  spec.norm_names.ffn_sum = "layer_output_norm";
  return spec;
}

void use_rope(Hyperparameters& p, WeightLoader& loader, ModelSpec& spec) {
  read_rope_for_all(p, loader, RopeLayout::kSplitHalf, spec, RopeFactors::kUnused);
}

}  // namespace

ModelSpec read_bert(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_after_norms(p, loader);
  spec.position_rows = required_rows(p, loader, "position_embd");
  set_activation(spec, Activation::kGelu);
  return spec;
}

// Jina's embeddings v3 (https://arxiv.org/abs/2409.10173).
ModelSpec read_jina_bert_v3(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_after_norms(p, loader);
  use_rope(p, loader, spec);
  set_activation(spec, Activation::kGelu);
  return spec;
}

// Nomic's embeddings (https://arxiv.org/abs/2402.01613): gated feed-forward parts.
ModelSpec read_nomic_bert(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_after_norms(p, loader);
  use_rope(p, loader, spec);
  return spec;
}

// Nomic Embed v2 (https://arxiv.org/abs/2502.07972): experts in every other layer.
ModelSpec read_nomic_bert_moe(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_jina_bert_v3(p, loader);
  each_moe(spec, [](MoeSpec& moe) {
    moe.route.gate = GateFunction::kSoftmax;
    moe.route.normalise = false;
  });
  return spec;
}

// Jina's embeddings v2 (https://arxiv.org/abs/2310.19923): ALiBi instead of positions.
ModelSpec read_jina_bert_v2(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_after_norms(p, loader);
  spec.norm_names.mixer_again = "attn_norm_2";
  set_activation(spec, Activation::kGelu);
  each_attention(spec, [](AttentionSpec& a) { a.alibi_bias = 8.0f; });
  return spec;
}

}  // namespace linnet
