#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {

// GLM-4: fused gate and up, norms on both sides of a block. Multi-section rope, of models with
// vision, turns split halves.
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

}  // namespace linnet
