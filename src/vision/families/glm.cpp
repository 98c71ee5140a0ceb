#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {

// GLM-4.1V (https://arxiv.org/abs/2507.01006), and GLM-OCR, which has no learned places: pictures
// of any shape, whose patches rotate by row and column.
VisionSpec read_glm4_vision(Hyperparameters& p, const WeightLoader& loader) {
  VisionSpec spec = read_common_vision(p, loader);
  spec.tower.norm = NormKind::kRms;
  spec.merge_side = p.count("vision.spatial_merge_size", 2, 64);
  spec.sizing.least_tokens = 8;
  spec.sizing.most_tokens = 4096;
  if (loader.has("v.position_embd.weight")) spec.places = PlaceTable::kBicubic;
  turn_halves_of_pairs(10000.0f, spec.tower);
  const Activation activation = spec.tower.layers.front().mlp.gate.activation;
  spec.projector_steps = {concatenate(spec.merge_side),
                          linear("mm.patch_merger", ProjectorStep::Weights::kConvolution),
                          linear("mm.model.fc"),
                          norm("mm.post_norm", NormKind::kLayer, 1e-5f),
                          activate(Activation::kGeluErf),
                          gate_by("mm.gate", "mm.up", activation),
                          linear("mm.down")};
  spec.before = "<|begin_of_image|>";
  spec.after = "<|end_of_image|>";
  spec.row_places = RowPlaces::kGrid;
  return spec;
}

}  // namespace linnet
