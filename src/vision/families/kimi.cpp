#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {

// Kimi-VL (https://arxiv.org/abs/2504.07491): MoonViT, of pictures of any shape, whose patches have
// learned places and turn by column and row.
VisionSpec read_kimi_vision(Hyperparameters& p, const WeightLoader& loader) {
  VisionSpec spec = read_common_vision(p, loader);
  spec.merge_side = static_cast<int>(p.count("vision.projector.scale_factor", 1, 64));
  spec.sizing.least_tokens = 8;
  spec.sizing.most_tokens = 1024;
  spec.places = PlaceTable::kBilinear;
  turn_halves({.columns_first = true}, spec.tower);
  spec.projector_steps = {norm("mm.input_norm", NormKind::kLayer, 1e-5f),
                          concatenate(spec.merge_side), linear("mm.1"), activate(), linear("mm.2")};
  spec.before = "<|media_start|>";
  spec.after = "<|media_end|>";
  return spec;
}

}  // namespace linnet
