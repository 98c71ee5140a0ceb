#include "architectures/sparse_latent.hpp"

#include <cmath>

#include "architectures/common.hpp"

namespace linnet {
namespace {

// Positions alone are scaled, with the magnitude that YaRN has for them, and not the scores as in
// DeepSeek's models.
void set_positions(Hyperparameters& p, Rope rope, LatentAttentionSpec& latent) {
  if (latent.window > 0) rope.base = p.positive_number("rope.freq_base_swa", rope.base);
  rope.scaling.log_multiplier = 0.0f;
  set_rope_frequencies(latent.rope, rope.base, rope.scaling, {});
  latent.scale = 1.0f / std::sqrt(static_cast<float>(latent.query_width()));
}

}  // namespace

void read_unscaled_positions(Hyperparameters& p, WeightLoader& loader, ModelSpec& spec) {
  const Rope rope = read_rope(p, loader, spec);
  for (LayerSpec& layer : spec.layers) set_positions(p, rope, layer.latent);
}

IndexerSpec read_latent_indexer(Hyperparameters& p, WeightLoader& loader, RopeLayout layout,
                                const ModelSpec& spec) {
  IndexerSpec indexer = read_indexer_sizes(p);
  indexer.rope = make_rope(p, read_latent_rope(p, loader, spec), layout, indexer.width);
  return indexer;
}

bool predicts_without_indexer(Hyperparameters& p, const WeightLoader& loader, int layer) {
  return layer >= own_layers(p) && !loader.has(block_name(layer, "indexer.attn_q_b.weight"));
}

IndexerSpec make_latent_indexer(Hyperparameters& p, IndexerSpec sizes, const ModelSpec& spec,
                                int layer) {
  sizes.rope = fit_rope(p, spec.layers[layer].latent.rope, sizes.width);
  sizes.kv_layer = static_cast<int>(spec.layers.size()) + layer;
  return sizes;
}

}  // namespace linnet
