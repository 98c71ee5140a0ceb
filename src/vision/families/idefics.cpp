#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {

// Idefics 3 (https://arxiv.org/abs/2408.12637) and SmolVLM: SigLIP over tiles of one size.
VisionSpec read_idefics3_vision(Hyperparameters& p, const WeightLoader& loader) {
  constexpr int kUsualTilesOfSide = 4, kMostTilesOfSide = 16;
  VisionSpec spec = read_common_vision(p, loader);
  const int side = spec.trained_side;
  spec.merge_side = p.count("vision.projector.scale_factor", 1, 64);
  spec.sizing.fixed_side = side;
  spec.sizing.resampling = Resampling::kLanczos;
  spec.places = PlaceTable::kGrid;
  spec.projector_steps = {concatenate(spec.merge_side), linear("mm.model.fc")};
  spec.after = "<fake_token_around_image>";
  spec.tiling = tiles_of(side);
  spec.tiling.choice = Tiling::Choice::kLongestSide;
  spec.tiling.has_bars = false;
  spec.tiling.longest = p.count("vision.preproc_image_size", std::int64_t{kUsualTilesOfSide} * side,
                                std::int64_t{kMostTilesOfSide} * side);
  spec.tiling.resampling = Resampling::kLanczos;
  spec.tiling.before_tile = "<fake_token_around_image><row_{row}_col_{column}>";
  spec.tiling.behind_row = "\n";
  spec.tiling.before_overview = "\n<fake_token_around_image><global-img>";
  return spec;
}

}  // namespace linnet
