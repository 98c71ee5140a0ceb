#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {

// Step3-VL: square pictures and windows of larger ones, whose patches have learned places and
// rotate by column and row; convolutions make rows of them.
VisionSpec read_step3_vision(Hyperparameters& p, const WeightLoader& loader) {
  constexpr int kTileSide = 504;
  constexpr std::int64_t kUsualLongest = 3024, kMostLongest = 1 << 13;
  VisionSpec spec = read_common_vision(p, loader);
  spec.merge_side = p.count("vision.projector.scale_factor", 4, 64);
  spec.sizing.fixed_side = spec.trained_side;
  spec.sizing.resampling = Resampling::kBilinear;
  spec.places = PlaceTable::kBilinear;
  turn_halves({.columns_first = true}, spec.tower);
  spec.projector_steps = {convolve("mm.0", 2), convolve("mm.1", 2), linear("mm.model.fc")};
  spec.tiling.choice = Tiling::Choice::kWindows;
  spec.tiling.side = kTileSide;
  spec.tiling.longest = p.count("vision.preproc_image_size", kUsualLongest, kMostLongest);
  spec.tiling.resampling = Resampling::kBilinear;
  spec.tiling.before_tile = "<patch_start>";
  spec.tiling.behind_tile = "<patch_end>";
  spec.tiling.between_rows = "<patch_newline>";
  spec.tiling.before_overview = spec.tiling.before_whole = "<im_start>";
  spec.tiling.behind_overview = "<im_end>";
  return spec;
}

}  // namespace linnet
