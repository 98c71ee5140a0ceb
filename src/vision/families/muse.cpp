#include <algorithm>
#include <cmath>

#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {

// Muse Glimmer: pictures of any shape, whose patches have learned places and rotate by column and
// row; most layers see windows as large as the table of places.
VisionSpec read_muse_vision(Hyperparameters& p, const WeightLoader& loader) {
  constexpr int kPeriod = 4;
  constexpr std::int64_t kWidestTable = 1 << 10;
  VisionSpec spec = read_common_vision(p, loader);
  for (LayerSpec& layer : spec.tower.layers) layer.mlp.gate.activation = Activation::kGeluErf;
  spec.merge_side = p.count("vision.spatial_merge_size", 2, 64);
  spec.sizing.choice = PictureSizing::Choice::kShape;
  spec.sizing.most_tokens = 4096;
  spec.sizing.resampling = Resampling::kLanczos;
  spec.places = PlaceTable::kBetween;
  spec.first_place = 1;
  turn_halves({.columns_first = true}, spec.tower);
  const std::int64_t places =
      std::min(loader.elements("v.position_embd") / spec.tower.width, kWidestTable * kWidestTable);
  const auto side = static_cast<int>(std::lround(std::sqrt(static_cast<double>(places))));
  see_windows(side * spec.patch_side, kPeriod, spec);
  spec.tower.layers.back().attention.in_windows = false;
  spec.projector_steps = {
      concatenate(spec.merge_side),   linear("mm.0", ProjectorStep::Weights::kColumnsOutermost),
      activate(Activation::kGeluErf), linear("mm.1"),
      activate(Activation::kGeluErf), linear("mm.2")};
  spec.before = "<|image_start|>";
  spec.after = "<|image_end|>";
  return spec;
}

}  // namespace linnet
