#include <utility>

#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {

// Llama 4 (https://ai.meta.com/blog/llama-4-multimodal-intelligence/): tiles of one size, whose
// patches have learned places and rotate by column and row.
VisionSpec read_llama4_vision(Hyperparameters& p, const WeightLoader& loader) {
  constexpr int kMostTilesOfSide = 3;
  VisionSpec spec = read_common_vision(p, loader);
  spec.merge_side = p.count("vision.projector.scale_factor", 1, 64);
  spec.sizing.fixed_side = spec.trained_side;
  spec.places = PlaceTable::kGrid;
  spec.class_token = ClassToken::kLast;
  spec.first_place = 1;
  if (!loader.has("v.blk.0.ln2.weight") && loader.has("v.blk.0.attn_post_norm.weight")) {
    // Newer converters name it as they do another norm of Gemma 4.
    spec.tower.norm_names.ffn = std::exchange(spec.tower.norm_names.mixer_post, {});
  }
  turn_halves({.columns_first = true}, spec.tower);
  spec.projector_steps = {concatenate(spec.merge_side),
                          linear("mm.model.mlp.1"),
                          activate(),
                          linear("mm.model.mlp.2"),
                          activate(),
                          linear("mm.model.fc")};
  spec.before = "<|image_start|>";
  spec.after = "<|image_end|>";
  spec.tiling = tiles_of(spec.trained_side);
  for (int columns = 1; columns <= kMostTilesOfSide; ++columns) {
    for (int rows = 1; rows <= kMostTilesOfSide; ++rows) {
      if (columns * rows > 1) spec.tiling.grids.push_back({columns, rows});
    }
  }
  spec.tiling.between_columns = "<|tile_x_separator|>";
  spec.tiling.behind_row = "<|tile_y_separator|>";
  spec.tiling.before_overview = spec.tiling.before_whole = "<|image|>";
  return spec;
}

}  // namespace linnet
