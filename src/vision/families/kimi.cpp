#include <algorithm>

#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {

// Kimi-VL (https://arxiv.org/abs/2504.07491): MoonViT, of pictures of any shape, whose patches have
// learned places and rotate by column and row.
VisionSpec read_kimi_vision(Hyperparameters& p, const WeightLoader& loader) {
  VisionSpec spec = read_common_vision(p, loader);
  spec.merge_side = p.count("vision.projector.scale_factor", 1, 64);
  constexpr int kMostPatchesOfSide = 512;
  spec.sizing.choice = PictureSizing::Choice::kWithin;
  spec.sizing.pads = true;
  spec.sizing.most_tokens = 1024;
  spec.sizing.longest_side = std::max(1, kMostPatchesOfSide / spec.merge_side);
  spec.places = PlaceTable::kBilinear;
  turn_halves({.columns_first = true}, spec.tower);
  spec.projector_steps = {norm("mm.input_norm", NormKind::kLayer, 1e-5f),
                          concatenate(spec.merge_side), linear("mm.1"), activate(), linear("mm.2")};
  spec.before = "<|media_start|>image<|media_content|>";
  spec.after = "<|media_end|>";
  return spec;
}

// Kimi K2.5 (https://arxiv.org/abs/2602.02276): the same over larger pictures, from another table
// of places.
VisionSpec read_kimi25_vision(Hyperparameters& p, const WeightLoader& loader) {
  VisionSpec spec = read_kimi_vision(p, loader);
  spec.sizing.most_tokens = 4096;
  read_pixel_limits(p, spec);
  spec.places = PlaceTable::kBicubic;
  spec.before = "<|media_begin|>image<|media_content|>";
  spec.other_before = "<|begin_of_image|>";  // GLM-5.2 has this encoder, too
  spec.other_after = "<|end_of_image|>";
  return spec;
}

}  // namespace linnet
