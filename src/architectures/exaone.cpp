#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {

// EXAONE 4: norms after the blocks only; with sliding windows, full layers go without rope.
ModelSpec read_exaone4(Hyperparameters& p, WeightLoader& loader) {
  constexpr std::size_t kLayersOf32B = 64;
  ModelSpec spec = read_split_half(p, loader);
  spec.pre_norm = NormUse::kNone;
  if (spec.layers.size() != kLayersOf32B) return spec;
  read_sliding_window(p, {.period = 4, .window = 4096}, spec);
  drop_rope_of_full_layers(spec);
  return spec;
}

// EXAONE MoE: every fourth layer sees all and goes without rope, where the others slide.
ModelSpec read_exaone_moe(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half(p, loader);
  read_sliding_window(p, {.period = 4}, spec);
  drop_rope_of_full_layers(spec);
  return spec;
}

}  // namespace linnet
