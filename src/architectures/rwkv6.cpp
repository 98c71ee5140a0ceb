#include "architectures/common.hpp"
#include "architectures/families.hpp"
#include "architectures/recurrent.hpp"

namespace linnet {

// RWKV-6 (https://arxiv.org/abs/2404.05892).
ModelSpec read_rwkv6(Hyperparameters& p, WeightLoader&) {
  ModelSpec spec = read_common(p);
  spec.norm = NormKind::kLayer;
  spec.norm_epsilon = p.number("attention.layer_norm_epsilon", 1e-5f);
  spec.embedding_norm = NormUse::kWeights;
  spec.norm_names.ffn = "attn_norm_2";
  const auto columns = static_cast<int>(spec.width);
  const std::int64_t period = p.count("rescale_every_n_layers", 0);
  for (int i = 0; i < static_cast<int>(spec.layers.size()); ++i) {
    LayerSpec layer;
    layer.recurrent = read_rwkv6_sizes(p, spec.width);
    layer.recurrent_ffn = RwkvChannelMixSpec{
        columns, static_cast<int>(p.layer_count("feed_forward_length", i, columns))};
    // Half-precision evaluation must not overflow; the file's weights are made for it.
    if (period > 0 && (i + 1) % period == 0) layer.output_scale = 0.5f;
    spec.layers[i] = std::move(layer);
  }
  return spec;
}

}  // namespace linnet
