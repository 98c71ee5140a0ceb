#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {

// Baichuan: rope in the model of 32 layers, ALiBi in the one of 40.
ModelSpec read_baichuan(Hyperparameters& p, WeightLoader& loader) {
  constexpr std::size_t kLayersOf7B = 32, kLayersOf13B = 40;
  ModelSpec spec = read_adjacent(p, loader);
  each_attention(spec, [&](AttentionSpec& a) {
    if (spec.layers.size() != kLayersOf7B) a.rope = {};
    if (spec.layers.size() == kLayersOf13B) a.alibi_bias = 8.0f;
  });
  return spec;
}

}  // namespace linnet
