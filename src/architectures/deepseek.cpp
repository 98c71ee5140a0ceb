#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {

// DeepSeek-V2 and V3 (https://arxiv.org/abs/2412.19437).
ModelSpec read_deepseek2(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  read_latent_attention(p, loader, RopeLayout::kAdjacent, spec);
  const QueryTemperature temperature = read_temperature(p);
  for (LayerSpec& layer : spec.layers) layer.latent.temperature = temperature;
  return spec;
}

}  // namespace linnet
