#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {

// Qwen 1: `feed_forward_length` counts gate and up together; the fused projection has as many
// columns for keys and for values as for queries.
ModelSpec read_qwen(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half(p, loader);
  for (LayerSpec& layer : spec.layers) {
    layer.mlp.width /= 2;
    AttentionSpec& a = layer.attention;
    const int keys = a.heads * a.key_width;
    a.fused_rows = {3 * static_cast<int>(spec.width), keys, keys + a.kv_heads * a.key_width};
  }
  return spec;
}

ModelSpec read_cogvlm(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_pangu(p, loader);
  const int width = static_cast<int>(spec.width);
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    spec.layers[i].attention.fused_rows = {3 * width, width, 2 * width};
    spec.unused_tensors.push_back(block_name(i, "vis_"));  // the experts of images
  }
  return spec;
}

// Qwen 3; a reranker's classification head is not part of the language model.
ModelSpec read_qwen3(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half_normalised(p, loader);
  spec.unused_tensors.push_back("cls.");
  return spec;
}

// Qwen2-VL and Qwen2.5-VL (https://arxiv.org/abs/2409.12191).
ModelSpec read_qwen2_vl(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half(p, loader);
  place_ropes(p, SectionOrder::kBlocks, spec);
  return spec;
}

// Qwen3-VL (https://arxiv.org/abs/2511.21631): what later layers of the vision tower made of a
// picture goes into the first layers. Files of Qwen3-Omni say that there are none of these.
ModelSpec read_qwen3_vl(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_qwen3(p, loader);
  place_ropes(p, SectionOrder::kInterleaved, spec);
  spec.deepstack_layers = p.count("n_deepstack_layers", 0, std::ssize(spec.layers));
  spec.takes_deepstack_of_encoder = true;
  return spec;
}

}  // namespace linnet
