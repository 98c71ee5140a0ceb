#include <fmt/format.h>

#include <algorithm>

#include "architectures/common.hpp"
#include "architectures/families.hpp"
#include "architectures/recurrent.hpp"

namespace linnet {
namespace {

// What RWKV-6 and 7 share: layer norms, and feed-forward parts that look at the token before.
ModelSpec read_rwkv(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  spec.norm_epsilon = 1e-5f;
  use_layer_norms(p, spec);
  spec.embedding_norm = NormUse::kWeights;
  spec.norm_names.ffn = "attn_norm_2";
  const auto columns = static_cast<int>(spec.width);
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    const int inner = p.layer_count("feed_forward_length", i, columns);
    spec.layers[i] = {};
    spec.layers[i].recurrent_ffn = RwkvChannelMixSpec{columns, inner};
  }
  return spec;
}

void use_rwkv7(Hyperparameters& p, ModelSpec& spec) {
  spec.shared_columns = spec.width;
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    spec.layers[i].attention = {};
    spec.layers[i].recurrent = read_rwkv7_sizes(p, spec.width, i);
  }
}

}  // namespace

// RWKV-6 (https://arxiv.org/abs/2404.05892).
ModelSpec read_rwkv6(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_rwkv(p, loader);
  const int period = p.count("rescale_every_n_layers", 0);
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    spec.layers[i].recurrent = read_rwkv6_sizes(p, spec.width);
    // So that half precision does not overflow; the file's weights are made for it.
    if (period > 0 && (i + 1) % period == 0) spec.layers[i].output_scale = 0.5f;
  }
  return spec;
}

// QRWKV-6: Qwen 2 with gated linear attention in the place of attention.
ModelSpec read_rwkv6_qwen2(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  const int period = p.count("rescale_every_n_layers", 0);
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    LayerSpec& layer = spec.layers[i];
    Rwkv6Spec mixer = read_rwkv6_sizes(p, spec.width);
    mixer.gated = true;
    if (layer.attention.kv_heads > 0) mixer.kv_heads = layer.attention.kv_heads;
    if (mixer.columns / mixer.head_width % mixer.kv_heads != 0) {
      p.fail(
          fmt::format("layer {} has {} heads of {} columns (wkv.head_size), expected a multiple of "
                      "the {} KV heads (attention.head_count_kv)",
                      i, mixer.columns / mixer.head_width, mixer.head_width, mixer.kv_heads));
    }
    layer.attention = {};
    layer.recurrent = mixer;
    if (period > 0 && (i + 1) % period == 0) layer.output_scale = 0.5f;
  }
  return spec;
}

// RWKV-7 (https://arxiv.org/abs/2503.14456).
ModelSpec read_rwkv7(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_rwkv(p, loader);
  use_rwkv7(p, spec);
  return spec;
}

// ARWKV-7 (https://arxiv.org/abs/2501.15570): Qwen 2 with the attention of RWKV-7.
ModelSpec read_arwkv7(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  use_rwkv7(p, spec);
  return spec;
}

}  // namespace linnet
