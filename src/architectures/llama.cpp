#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {

// Llama 1-3, Mistral, Mixtral and the many files that call themselves llama
// (https://arxiv.org/abs/2302.13971, https://arxiv.org/abs/2401.04088).
ModelSpec read_llama(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p);
  read_rope(p, loader, RopeLayout::kAdjacent, spec);
  for (LayerSpec& layer : spec.layers) layer.moe.route.normalise = true;
  return spec;
}

}  // namespace linnet
