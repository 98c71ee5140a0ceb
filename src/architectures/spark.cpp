#include "architectures/common.hpp"
#include "architectures/families.hpp"

namespace linnet {

// Spark 2.5: sliding layers with rope of their own base, and a gate for each head.
ModelSpec read_spark25(Hyperparameters& p, WeightLoader& loader) {
  ModelSpec spec = read_split_half(p, loader);
  read_sliding_window(p, {}, spec);
  const Rope rope = with_sliding_dims(p, read_rope(p, loader, spec));
  set_sliding_rope(p, rope, RopeLayout::kSplitHalf, true, spec);
  set_activation(spec, Activation::kGeluOfHalves);
  return spec;
}

}  // namespace linnet
