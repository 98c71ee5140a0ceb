#include "architectures/common.hpp"
#include "architectures/families.hpp"
#include "architectures/sparse_latent.hpp"

namespace linnet {

// GLM-4: fused gate and up, norms on both sides of a block. Multi-section rope, of models with
// vision, rotates split halves.
ModelSpec read_glm4(Hyperparameters& p, WeightLoader& loader) {
  return p.layer_count("rope.dimension_sections", 0, 0) > 0 ? read_qwen2_vl(p, loader)
                                                            : read_adjacent(p, loader);
}

ModelSpec read_glm4_moe(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_late_ffn_norm(p, loader);
  default_gate(p, GateFunction::kSigmoid, spec);
  place_ropes(p, SectionOrder::kBlocks, spec);
  return spec;
}

namespace {

// Whether layer `layer` has an indexer of its own if the file does not say so: GLM-5 and 5.1
// have one in each layer, 5.2, of a longer context, in the first two and then every fourth.
bool has_own_indexer(const ModelSpec& spec, int layer) {
  constexpr std::int64_t kContext = 1 << 20;
  return spec.context_length < kContext || layer < 2 || (layer - 2) % 4 == 0;
}

}  // namespace

// GLM-5: some layers use the picks of the one before them, but none for multi-token prediction.
ModelSpec read_glm_dsa(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_deepseek2(p, loader);
  default_gate(p, GateFunction::kSigmoid, spec);
  IndexerSpec indexer = read_latent_indexer(p, loader, RopeLayout::kAdjacent, spec);
  indexer.key_norm_epsilon = p.positive_number("attention.layer_norm_epsilon", 0.0f);
  const int own = own_layers(p);
  for (int i = 0; i < std::ssize(spec.layers); ++i) {
    if (predicts_without_indexer(p, loader, i)) continue;
    const int usual = has_own_indexer(spec, i) ? 1 : 0;
    indexer.reused = i < own && p.layer_count("attention.indexer.types", i, usual) == 0;
    indexer.kv_layer = static_cast<int>(spec.layers.size()) + i;
    spec.layers[i].latent.indexer = indexer;
    if (indexer.reused) spec.unused_tensors.push_back(block_name(i, "indexer."));
  }
  return spec;
}

}  // namespace linnet
