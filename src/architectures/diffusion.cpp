#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {

// Text diffusion: every token sees all others (https://arxiv.org/abs/2502.09992).
ModelSpec read_llada(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  read_rope_for_all(p, loader, RopeLayout::kAdjacent, spec, RopeFactors::kUnused);
  spec.causal = false;
  return spec;
}

ModelSpec read_dream(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half(p, loader);
  spec.causal = false;
  return spec;
}

ModelSpec read_rnd1(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half_normalised(p, loader);
  spec.causal = false;
  return spec;
}

}  // namespace linnet
