#include "architectures/common.hpp"
#include "architectures/families.hpp"
#include "architectures/recurrent.hpp"

namespace linnet {

// LFM2 (https://www.liquid.ai/blog/liquid-foundation-models-v2) and its mixture of experts: short
// convolutions in the layers without KV heads. Files call the norm before the head token_embd_norm.
// Those for embeddings look ahead as far as back.
ModelSpec read_lfm2(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  read_rope_for_all(p, loader, RopeLayout::kSplitHalf, spec);
  read_sliding_window(p, {.period = 0}, spec);
  // Files for embeddings of single tokens (ColBERT).
  if (!loader.has("dense_3.weight")) spec.embedding_width = loader.rows("dense_2");
  if (loader.has("token_embd_norm.weight")) spec.norm_names.output = "token_embd_norm";
  for (LayerSpec& layer : spec.layers) {
    if (drop_attention_without_keys(layer))
      layer.recurrent = read_short_convolution_sizes(p, spec.width, /*centred=*/!spec.causal);
  }
  normalise_expert_weights(spec);
  return spec;
}

}  // namespace linnet
