#include <cmath>

#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {

// Granite: four scales; rope only where the file says so.
ModelSpec read_granite(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_adjacent_normalised(p, loader);
  spec.embedding_scale = p.nonzero_number("embedding_scale", 1.0f);
  spec.residual_scale = p.nonzero_number("residual_scale", 1.0f);
  spec.logit_scale = 1.0f / p.nonzero_number("logit_scale", 1.0f);
  if (!p.boolean("rope.scaling.finetuned", true)) {
    each_attention(spec, [](AttentionSpec& a) { a.rope = {}; });
  }
  return spec;
}

// MiniCPM (https://arxiv.org/abs/2404.06395): the scales of maximal update parametrisation, which
// old files lack.
ModelSpec read_minicpm(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_adjacent_normalised(p, loader);
  const auto layers = static_cast<float>(spec.layers.size());
  const float width = static_cast<float>(spec.width);
  spec.embedding_scale = p.nonzero_number("embedding_scale", 12.0f);
  spec.residual_scale = p.nonzero_number("residual_scale", 1.4f / std::sqrt(layers));
  spec.logit_scale = 1.0f / p.nonzero_number("logit_scale", width / 256.0f);
  return spec;
}

ModelSpec read_minicpm3(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  read_latent_attention(p, loader, RopeLayout::kSplitHalf, spec);
  spec.embedding_scale = 12.0f;
  spec.residual_scale = 1.4f / std::sqrt(static_cast<float>(spec.layers.size()));
  spec.logit_scale = 256.0f / static_cast<float>(spec.width);
  return spec;
}

}  // namespace linnet
