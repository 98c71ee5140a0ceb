#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {

// Talkie: norms without weights, QK-norm after rope with a gain for each head, the embeddings added
// after every layer.
ModelSpec read_talkie(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half(p, loader);
  spec.pre_norm = spec.output_norm = spec.embedding_norm = NormUse::kPlain;
  spec.residual.embedding_skip = true;
  spec.logit_scale = p.nonzero_number("logit_scale", 1.0f);
  each_attention(spec, [](AttentionSpec& a) {
    a.norm_after_rope = true;
    a.plain_key_norm = true;
  });
  return spec;
}

}  // namespace linnet
