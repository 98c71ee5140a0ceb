#include "architectures/common.hpp"
#include "architectures/families.hpp"
#include "architectures/recurrent.hpp"

namespace linnet {

// Granite 4 (https://www.ibm.com/granite): Mamba 2 in the layers without KV heads; rope only where
// the file says so.
ModelSpec read_granite_hybrid(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p);
  spec.embedding_scale = p.nonzero_number("embedding_scale", 1.0f);
  spec.residual_scale = p.nonzero_number("residual_scale", 1.0f);
  spec.logit_scale = 1.0f / p.nonzero_number("logit_scale", 1.0f);
  if (p.boolean("rope.scaling.finetuned", true)) {
    read_rope(p, loader, RopeLayout::kAdjacent, spec);
  }
  for (LayerSpec& layer : spec.layers) {
    if (layer.attention.heads == 0) layer.recurrent = read_mamba2_sizes(p);
    layer.mlp.scaled = false;
  }
  return spec;
}

}  // namespace linnet
