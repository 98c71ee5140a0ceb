#include "architectures/common.hpp"
#include "architectures/families.hpp"
#include "architectures/recurrent.hpp"

namespace linnet {
namespace {

// Nothing but recurrent mixers: neither attention nor feed-forward parts.
ModelSpec only(ModelSpec spec, const RecurrentSpec& mixer) {
  for (LayerSpec& layer : spec.layers) {
    layer = {};
    layer.recurrent = mixer;
  }
  return spec;
}

}  // namespace

// Mamba and FalconMamba (https://arxiv.org/abs/2312.00752, https://arxiv.org/abs/2410.05355).
ModelSpec read_mamba(Hyperparameters& p, WeightLoader& loader) {
  return only(read_common(p, loader), read_mamba_sizes(p));
}

// Mamba 2 (https://arxiv.org/abs/2405.21060).
ModelSpec read_mamba2(Hyperparameters& p, WeightLoader& loader) {
  return only(read_common(p, loader), read_mamba2_sizes(p));
}

}  // namespace linnet
