#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {

// dots.ocr (https://arxiv.org/abs/2512.02498): pictures of any shape, whose patches turn by row and
// column.
VisionSpec read_dots_ocr_vision(Hyperparameters& p, const WeightLoader& loader) {
  VisionSpec spec = read_common_vision(p, loader, TrainedSide::kUnused);
  spec.tower.norm = NormKind::kRms;
  spec.tower.norm_names.output = "mm.post_norm";
  spec.tower.output_norm = NormUse::kWeights;
  spec.merge_side = p.count("vision.projector.scale_factor", 2, 64);
  spec.sizing.least_tokens = 4;
  spec.sizing.most_tokens = 14400;
  read_pixel_limits(p, spec);
  turn_halves_of_pairs(10000.0f, spec.tower);
  spec.projector_steps = {norm("mm.input_norm", NormKind::kLayer, 1e-6f),
                          concatenate(spec.merge_side), linear("mm.0"),
                          activate(Activation::kGeluErf), linear("mm.2")};
  spec.before = "<|img|>";
  spec.after = "<|endofimg|>";
  return spec;
}

}  // namespace linnet
