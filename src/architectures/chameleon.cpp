#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {

// Chameleon (https://arxiv.org/abs/2405.09818) for text: layer norms of queries and keys; in the
// 34B the other norms come after the blocks. The tokens of images are never drawn.
ModelSpec read_chameleon(Hyperparameters& p, WeightLoader& loader) {
  constexpr std::int64_t kFirstImageToken = 4, kImageTokens = 8192;
  constexpr float kHeadNormEpsilon = 1e-5f;
  ModelSpec spec = read_adjacent(p, loader);
  each_attention(spec, [](AttentionSpec& a) {
    a.head_norm = {NormKind::kLayer, kHeadNormEpsilon};
  });
  spec.suppressed_tokens = {kFirstImageToken, kImageTokens};
  if (p.boolean("swin_norm", false)) {
    spec.pre_norm = NormUse::kNone;
    spec.norm_names.mixer_post = "attn_norm";
    spec.norm_names.ffn_post = "ffn_norm";
  }
  return spec;
}

}  // namespace linnet
