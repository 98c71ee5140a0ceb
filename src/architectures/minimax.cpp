#include "architectures/common.hpp"
#include "architectures/families.hpp"
#include "architectures/recurrent.hpp"

namespace linnet {

// MiniMax-01 and M1 (https://arxiv.org/abs/2501.08313): lightning attention in seven of eight
// layers; what a block reads, scaled, is what its result is added to.
ModelSpec read_minimax_01(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half_normalised(p, loader);
  spec.input_residual_scale = p.nonzero_number("residual_scale", 1.0f);
  each_moe(spec, [](MoeSpec& moe) { moe.route.gate = GateFunction::kSoftmax; });
  const int layers = static_cast<int>(spec.layers.size());
  for (int i = 0; i < layers; ++i) {
    if (!is_recurrent_layer(p, i, /*interval=*/8)) continue;
    LayerSpec& layer = spec.layers[i];
    layer.recurrent = read_lightning_sizes(p, layer.attention, i, layers);
    layer.attention = {};
  }
  return spec;
}

}  // namespace linnet
