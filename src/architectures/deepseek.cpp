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

namespace {

IndexerSpec read_indexer(Hyperparameters& p, WeightLoader& loader, RopeLayout layout,
                         const ModelSpec& spec) {
  IndexerSpec indexer = read_indexer_sizes(p);
  indexer.rope = make_rope(p, read_rope(p, loader, spec), layout, indexer.width);
  return indexer;
}

}  // namespace

// DeepSeek-V3.2 (https://arxiv.org/abs/2512.02556): attention to the keys that an indexer picks.
ModelSpec read_deepseek32(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_deepseek2(p, loader);
  IndexerSpec indexer = read_indexer(p, loader, RopeLayout::kSplitHalf, spec);
  indexer.key_norm_epsilon = p.positive_number("attention.layer_norm_epsilon", 0.0f);
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    indexer.kv_layer = static_cast<int>(spec.layers.size() + i);
    spec.layers[i].latent.indexer = indexer;
  }
  return spec;
}

// GLM-5: some layers use the picks of the one before them.
ModelSpec read_glm_dsa(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_deepseek2(p, loader);
  default_gate(p, GateFunction::kSigmoid, spec);
  IndexerSpec indexer = read_indexer(p, loader, RopeLayout::kAdjacent, spec);
  indexer.key_norm_epsilon = p.positive_number("attention.layer_norm_epsilon", 0.0f);
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    const bool usual = i < 2 || (i - 2) % 4 == 0;
    indexer.reused = p.layer_count("attention.indexer.types", i, usual ? 1 : 0) == 0;
    indexer.kv_layer = static_cast<int>(spec.layers.size()) + i;
    spec.layers[i].latent.indexer = indexer;
    if (indexer.reused) spec.unused_tensors.push_back(block_name(i, "indexer."));
  }
  return spec;
}

// PLM (https://arxiv.org/abs/2503.12167): squared ReLU without a gate.
ModelSpec read_plm(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  read_latent_attention(p, loader, RopeLayout::kAdjacent, spec);
  set_activation(spec, Activation::kReluSquared);
  return spec;
}

// MiniMax M3. Its indexer for long texts is left out, as the reference does: attention sees all
// keys.
ModelSpec read_minimax_m3(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half(p, loader);
  default_gate(p, GateFunction::kSigmoid, spec);
  set_activation(spec, Activation::kClampedSwiglu);
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    spec.unused_tensors.push_back(block_name(i, "indexer."));
  }
  return spec;
}

}  // namespace linnet
