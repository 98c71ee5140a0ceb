#include <fmt/format.h>

#include "architectures/common.hpp"
#include "architectures/families.hpp"
#include "architectures/recurrent.hpp"

namespace linnet {
namespace {

BlockIndexerSpec read_block_indexer(Hyperparameters& p, const ModelSpec& spec, int layer) {
  const AttentionSpec& attention = spec.layers[layer].attention;
  const IndexerSpec sizes = read_indexer_sizes(p);
  if (sizes.heads != attention.kv_heads) {
    p.fail(
        fmt::format("metadata key {}.attention.indexer.head_count is {}, expected {}, the KV "
                    "heads of layer {}",
                    p.architecture(), sizes.heads, attention.kv_heads, layer));
    return {};
  }
  BlockIndexerSpec blocks;
  blocks.keys = BlockKeys::kOfTokens;
  blocks.heads = sizes.heads;
  blocks.width = sizes.width;
  blocks.most = sizes.most;
  blocks.stride = p.required_count("attention.indexer.block_size");
  blocks.recent = p.count("attention.indexer.local_blocks", 0);
  blocks.kv_layer = static_cast<int>(spec.layers.size()) + layer;
  blocks.rope = fit_rope(p, attention.rope, sizes.width);
  return blocks;
}

}  // namespace

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

// MiniMax M3: after the first, dense layers each KV head sees the best blocks of tokens and the
// last ones, unless `indexer.types` is 0 for the layer.
ModelSpec read_minimax_m3(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half(p, loader);
  default_gate(p, GateFunction::kSigmoid, spec);
  set_activation(spec, Activation::kClampedSwiglu);
  constexpr std::string_view kTypes = "attention.indexer.types";
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    const bool sees_all = p.has(kTypes) && p.layer_count(kTypes, i, 0) == 0;
    if (sees_all) {
      spec.unused_tensors.push_back(block_name(i, "indexer."));
    } else if (loader.has(block_name(i, "indexer.q_proj.weight"))) {
      spec.layers[i].attention.blocks = read_block_indexer(p, spec, i);
    }
  }
  return spec;
}

}  // namespace linnet
