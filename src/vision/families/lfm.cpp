#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {

// LFM2-VL (https://arxiv.org/abs/2511.23404): SigLIP 2 over pictures of any shape, of which large
// ones are cut into tiles of one size.
VisionSpec read_lfm2_vision(Hyperparameters& p, const WeightLoader& loader) {
  constexpr int kTileSide = 512, kFewestTiles = 2, kMostTiles = 10;
  VisionSpec spec = read_common_vision(p, loader);
  keep_layers(spec.tower.layers.size(), loader, spec.tower);
  spec.merge_side = p.count("vision.projector.scale_factor", 1, 64);
  spec.sizing.least_tokens = 64;
  spec.sizing.most_tokens = 256;
  spec.sizing.resampling = Resampling::kBilinear;
  spec.places = PlaceTable::kBilinear;
  spec.projector_steps = {concatenate(spec.merge_side)};
  if (loader.has("mm.input_norm.weight")) {
    spec.projector_steps.push_back(norm("mm.input_norm", NormKind::kLayer, 1e-5f));
  }
  spec.projector_steps.insert(spec.projector_steps.end(),
                              {linear("mm.1"), activate(), linear("mm.2")});
  spec.before = "<|image_start|>";
  spec.after = "<|image_end|>";
  spec.tiling = tiles_of(kTileSide);
  spec.tiling.choice = Tiling::Choice::kShape;
  spec.tiling.resampling = Resampling::kBilinear;
  for (int tiles = kFewestTiles; tiles <= kMostTiles; ++tiles) {
    for (int columns = 1; columns <= tiles; ++columns) {
      if (tiles % columns == 0) spec.tiling.grids.push_back({columns, tiles / columns});
    }
  }
  spec.tiling.before_tile = "<|img_row_{row}_col_{column}|>";
  spec.tiling.before_overview = "<|img_thumbnail|>";
  return spec;
}

}  // namespace linnet
