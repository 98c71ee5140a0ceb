#include "architectures/common.hpp"
#include "architectures/families.hpp"
#include "architectures/sparse_latent.hpp"

namespace linnet {

namespace {

// GLM-4.7-Flash, whose files do not say that its gates are sigmoids.
bool is_glm(Hyperparameters& p, const ModelSpec& spec) {
  constexpr std::int64_t kVocabulary = 154880;
  const int layers = own_layers(p);
  return (layers == 47 || layers == 48) && spec.vocabulary == kVocabulary;
}

}  // namespace

// DeepSeek-V2 and V3 (https://arxiv.org/abs/2412.19437).
ModelSpec read_deepseek2(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_common(p, loader);
  if (is_glm(p, spec)) default_gate(p, GateFunction::kSigmoid, spec);
  read_latent_attention(p, loader, RopeLayout::kAdjacent, spec);
  const QueryTemperature temperature = read_temperature(p);
  for (LayerSpec& layer : spec.layers) layer.latent.temperature = temperature;
  return spec;
}

// DeepSeek-V3.2 (https://arxiv.org/abs/2512.02556): attention to the keys that an indexer picks.
ModelSpec read_deepseek32(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_deepseek2(p, loader);
  IndexerSpec indexer = read_latent_indexer(p, loader, RopeLayout::kSplitHalf, spec);
  indexer.key_norm_epsilon = p.positive_number("attention.layer_norm_epsilon", 0.0f);
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    if (predicts_without_indexer(p, loader, i)) continue;
    indexer.kv_layer = static_cast<int>(spec.layers.size()) + i;
    spec.layers[i].latent.indexer = indexer;
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

}  // namespace linnet
