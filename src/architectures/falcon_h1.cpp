#include "architectures/common.hpp"
#include "architectures/families.hpp"
#include "architectures/recurrent.hpp"

namespace linnet {

// Falcon-H1 (https://arxiv.org/abs/2507.22448): attention and Mamba 2 side by side in every layer.
ModelSpec read_falcon_h1(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  Rope rope = read_rope(p, loader, spec);
  rope.factors.clear();  // the files have some, but the models go without
  for (LayerSpec& layer : spec.layers) {
    set_rope(p, rope, RopeLayout::kSplitHalf, layer.attention);
    layer.recurrent = read_mamba2_sizes(p);
  }
  return spec;
}

}  // namespace linnet
