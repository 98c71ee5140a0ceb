#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {

// InternVL (https://arxiv.org/abs/2404.16821): InternViT, whose larger kind (of 6 billion weights)
// has other norms, over tiles of one size.
VisionSpec read_internvl_vision(Hyperparameters& p, const WeightLoader& loader) {
  constexpr std::int64_t kMostTiles = 64;
  VisionSpec spec = read_common_vision(p, loader);
  const bool is_large = spec.tower.width == 3200 && spec.tower.layers.size() == 45;
  if (is_large) spec.tower.norm = NormKind::kRms;
  spec.merge_side = p.count("vision.projector.scale_factor", 1, 64);
  spec.sizing.fixed_side = spec.trained_side;
  spec.places = PlaceTable::kGrid;
  spec.class_token = ClassToken::kFirst;
  spec.projector_steps = {concatenate(spec.merge_side),
                          norm("mm.model.mlp.0", NormKind::kLayer, 1e-5f), linear("mm.model.mlp.1"),
                          activate(), linear("mm.model.mlp.3")};
  spec.before = "<img>";
  spec.after = "</img>";
  const int least = p.count("vision.preproc_min_tiles", 1, kMostTiles);
  const int most = p.count("vision.preproc_max_tiles", 12, kMostTiles);
  spec.tiling = tiles_of(spec.trained_side);
  for (int columns = 1; columns <= most; ++columns) {
    for (int rows = 1; rows * columns <= most; ++rows) {
      if (rows * columns >= least) spec.tiling.grids.push_back({columns, rows});
    }
  }
  return spec;
}

}  // namespace linnet
