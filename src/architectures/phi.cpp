#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {

// Phi-2: attention and feed-forward part side by side.
ModelSpec read_phi2(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half(p, loader);
  use_layer_norms(p, spec);
  spec.residual.parallel = true;
  set_activation(spec, Activation::kGeluOfHalves);
  return spec;
}

}  // namespace linnet
