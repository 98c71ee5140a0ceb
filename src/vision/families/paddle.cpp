#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {

// PaddleOCR-VL (https://arxiv.org/abs/2510.14528): SigLIP over pictures of any shape, whose patches
// have learned places and rotate by row and column.
VisionSpec read_paddle_ocr_vision(Hyperparameters& p, const WeightLoader& loader) {
  VisionSpec spec = read_common_vision(p, loader, TrainedSide::kUnused);
  spec.merge_side = 2;
  spec.sizing.most_tokens = 4096;
  read_pixel_limits(p, spec);
  spec.places = PlaceTable::kBilinear;
  turn_halves_of_pairs(10000.0f, spec.tower);
  const Activation activation = spec.tower.layers.front().mlp.gate.activation;
  spec.projector_steps = {norm("mm.input_norm", NormKind::kLayer, 1e-5f),
                          concatenate(spec.merge_side), linear("mm.1"), activate(activation),
                          linear("mm.2")};
  spec.before = "<|IMAGE_START|>";
  spec.after = "<|IMAGE_END|>";
  spec.row_places = RowPlaces::kGrid;
  return spec;
}

}  // namespace linnet
