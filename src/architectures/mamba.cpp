#include "architectures/common.hpp"
#include "architectures/families.hpp"
#include "architectures/recurrent.hpp"

namespace linnet {

// Mamba and FalconMamba (https://arxiv.org/abs/2312.00752, https://arxiv.org/abs/2410.05355): no
// attention and no feed-forward parts.
ModelSpec read_mamba(Hyperparameters& p, WeightLoader&) {
  ModelSpec spec = read_common(p);
  for (LayerSpec& layer : spec.layers) {
    layer.attention = {};
    layer.mlp = {};
    layer.recurrent = read_mamba_sizes(p);
  }
  return spec;
}

}  // namespace linnet
