#include "architectures/families.hpp"
#include "architectures/recurrent.hpp"

namespace linnet {

// Granite 4 (https://www.ibm.com/granite): Mamba 2 in the layers without KV heads.
ModelSpec read_granite_hybrid(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_granite(p, loader);
  for (LayerSpec& layer : spec.layers) {
    if (drop_attention_without_keys(layer)) layer.recurrent = read_mamba2_sizes(p);
  }
  return spec;
}

}  // namespace linnet
