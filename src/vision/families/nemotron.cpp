#include <algorithm>

#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {
namespace {

constexpr std::string_view kRegisters = "v.class_embd";

int registers_of(Hyperparameters& p) {
  constexpr std::int64_t kMost = 1 << 10;
  const gguf::Tensor* const tensor = p.file().find_tensor(std::string(kRegisters));
  return tensor ? static_cast<int>(std::clamp<std::int64_t>(tensor->shape[1], 1, kMost)) : 1;
}

}  // namespace

// Nemotron Nano 2 VL (https://arxiv.org/abs/2511.03929): RADIO, with rows of its own before the
// patches, over tiles of one size.
VisionSpec read_nemotron_vision(Hyperparameters& p, const WeightLoader& loader) {
  constexpr int kMostTiles = 12;
  VisionSpec spec = read_common_vision(p, loader);
  spec.merge_side = p.count("vision.projector.scale_factor", 2, 64);
  spec.sizing.fixed_side = spec.trained_side;
  spec.places = PlaceTable::kGrid;
  spec.class_token = ClassToken::kUnplaced;
  spec.class_rows = registers_of(p);
  spec.projector_steps = {concatenate(spec.merge_side),
                          norm("mm.model.mlp.0", NormKind::kRms, 1e-6f), linear("mm.model.mlp.1"),
                          activate(Activation::kReluSquared), linear("mm.model.mlp.3")};
  spec.before = "<img>";
  spec.after = "</img>";
  spec.tiling.choice = Tiling::Choice::kShapeAlways;
  spec.tiling.side = spec.trained_side;
  for (int tiles = 1; tiles <= kMostTiles; ++tiles) {
    for (int columns = 1; columns <= tiles; ++columns) {
      if (tiles % columns == 0) spec.tiling.grids.push_back({columns, tiles / columns});
    }
  }
  return spec;
}

}  // namespace linnet
