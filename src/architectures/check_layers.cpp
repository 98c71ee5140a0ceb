#include "architectures/check_layers.hpp"

#include <fmt/format.h>

namespace linnet {
namespace {

// Attention to the keys of another layer reads as many columns as its own heads have.
void check_shared_keys(Hyperparameters& p, const ModelSpec& spec) {
  const auto shape = [](const AttentionSpec& a) {
    return fmt::format("{} heads of {} and {} columns", a.kv_heads, a.key_width, a.value_width);
  };
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    const AttentionSpec& reader = spec.layers[i].attention;
    if (reader.heads == 0 || reader.kv_layer < 0) continue;
    const AttentionSpec& owner = spec.layers[reader.kv_layer].attention;
    const bool has_keys = owner.heads > 0 && owner.kv_layer < 0;
    if (has_keys && shape(owner) == shape(reader)) continue;
    return p.fail(fmt::format("layer {} reads the keys of layer {}, which has {}, expected {}", i,
                              reader.kv_layer, has_keys ? shape(owner) : "none", shape(reader)));
  }
}

// Who takes the keys that an earlier layer picked must have such a layer.
void check_picked_keys(Hyperparameters& p, const ModelSpec& spec) {
  bool has_picks = false;
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    const LatentAttentionSpec& latent = spec.layers[i].latent;
    if (latent.heads == 0 || latent.indexer.heads == 0) continue;
    if (latent.indexer.reused && !has_picks) {
      return p.fail(
          fmt::format("layer {} reads the keys that an earlier layer picked, but none does", i));
    }
    has_picks = true;
  }
}

// Several residual streams are written by both blocks of a layer.
void check_blocks(Hyperparameters& p, const ModelSpec& spec) {
  const bool has_streams = spec.residual.altup_streams > 0 || spec.residual.attention_group > 0 ||
                           spec.residual.hyper_connection.streams > 0;
  for (std::size_t i = 0; has_streams && i < spec.layers.size(); ++i) {
    const LayerSpec& layer = spec.layers[i];
    if (layer.has_mixer() && layer.has_ffn()) continue;
    return p.fail(fmt::format("layer {} has no {}, which this architecture's layers must have", i,
                              layer.has_mixer() ? "feed-forward" : "attention"));
  }
}

}  // namespace

void check_layers(Hyperparameters& p, const ModelSpec& spec) {
  check_shared_keys(p, spec);
  check_picked_keys(p, spec);
  check_blocks(p, spec);
}

}  // namespace linnet
