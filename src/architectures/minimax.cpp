#include "architectures/common.hpp"
#include "architectures/families.hpp"
#include "architectures/recurrent.hpp"

namespace linnet {

// MiniMax-01 and M1 (https://arxiv.org/abs/2501.08313): lightning attention in seven of eight
// layers; what a block reads, scaled, is what its result is added to.
ModelSpec read_minimax_01(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half_normalised(p, loader);
  spec.residual.input_scale = p.nonzero_number("residual_scale", 1.0f);
  each_moe(spec, [](MoeSpec& moe) { moe.route.gate = GateFunction::kSoftmax; });
  const int layers = static_cast<int>(spec.layers.size());
  for (int i = 0; i < layers; ++i) {
    if (!is_recurrent_layer(p, i, /*interval=*/8)) continue;
    LayerSpec& layer = spec.layers[i];
    layer.recurrent = read_lightning_sizes(p, layer.attention, i, layers);
    layer.attention = {};
  }
  return spec;
}

ModelSpec read_minimax_m2(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half_normalised(p, loader);
  default_gate(p, GateFunction::kSigmoid, spec);
  return spec;
}

// MiniMax M3. Its indexer, by which each KV head sees the best `indexer.top_k` blocks of tokens, is
// left out: attention sees all keys, as llama.cpp's does without flash attention. Texts of no more
// tokens than these blocks hold come out the same.
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
