#include <algorithm>

#include "vision/families/families.hpp"

namespace linnet {

// LightOnOCR (https://arxiv.org/abs/2601.14251): Pixtral's encoder without tokens at the ends of
// rows, over pages that shrink to its longest side.
VisionSpec read_lighton_vision(Hyperparameters& p, const WeightLoader& loader) {
  VisionSpec spec = read_pixtral_vision(p, loader);
  const std::int64_t unit = std::int64_t{spec.patch_side} * spec.merge_side;
  const std::int64_t longest =
      p.count("vision.preproc_image_size", spec.trained_side, std::int64_t{1} << 14);
  spec.sizing.choice = PictureSizing::Choice::kWithin;
  spec.sizing.least_tokens = 1;
  spec.sizing.longest_side = std::clamp<std::int64_t>(longest / unit, 1, 128);
  spec.sizing.most_tokens = spec.sizing.longest_side * spec.sizing.longest_side;
  spec.after = "";
  return spec;
}

}  // namespace linnet
