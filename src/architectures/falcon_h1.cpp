#include "architectures/common.hpp"
#include "architectures/families.hpp"
#include "architectures/recurrent.hpp"

namespace linnet {

// Falcon-H1 (https://arxiv.org/abs/2507.22448): attention and Mamba 2 side by side in every layer.
ModelSpec read_falcon_h1(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p);
  read_rope(p, loader, RopeLayout::kSplitHalf, spec);
  for (LayerSpec& layer : spec.layers) {
    layer.recurrent = read_mamba2_sizes(p);
    layer.mlp.scaled = false;
  }
  return spec;
}

}  // namespace linnet
