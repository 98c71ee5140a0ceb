#include "architectures/common.hpp"
#include "architectures/families.hpp"
#include "architectures/recurrent.hpp"

namespace linnet {

// Jamba (https://arxiv.org/abs/2403.19887): attention without rope in the layers that have KV
// heads, Mamba in the others; experts in the layers that have a router.
ModelSpec read_jamba(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    LayerSpec& layer = spec.layers[i];
    if (drop_attention_without_keys(layer)) layer.recurrent = read_mamba_sizes(p);
    layer.moe.width = p.layer_count("feed_forward_length", i, 0);
  }
  return spec;
}

}  // namespace linnet
