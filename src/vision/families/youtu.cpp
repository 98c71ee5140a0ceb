#include <algorithm>

#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {

// Youtu-VL: SigLIP 2 over pictures of any shape, whose patches rotate by row and column; all layers
// but those that the file names see windows.
VisionSpec read_youtu_vision(Hyperparameters& p, const WeightLoader& loader) {
  constexpr std::int64_t kWidestWindow = 1 << 14;
  VisionSpec spec = read_common_vision(p, loader, TrainedSide::kUnused);
  spec.colours_innermost = true;
  spec.merge_side = p.count("vision.spatial_merge_size", 2, 64);
  spec.sizing.choice = PictureSizing::Choice::kWithin;
  spec.sizing.most_tokens = 16384;
  spec.sizing.resampling = Resampling::kBilinear;
  turn_halves_of_pairs(10000.0f, spec.tower);
  const int window = p.count("vision.window_size", 112, kWidestWindow);
  see_windows(window, /*period=*/1, spec);
  const std::vector<std::int64_t> whole = read_counts(
      p, "vision.wa_layer_indexes", static_cast<std::size_t>(Hyperparameters::kMostLayers));
  for (std::size_t i = 0; i < spec.tower.layers.size() && !whole.empty(); ++i) {
    spec.tower.layers[i].attention.in_windows =
        std::ranges::find(whole, static_cast<std::int64_t>(i)) == whole.end();
  }
  spec.projector_steps = {norm("mm.input_norm", NormKind::kRms, 1e-6f),
                          concatenate(spec.merge_side), linear("mm.0"), activate(), linear("mm.2")};
  spec.before = "<|vision_start|>";
  spec.after = "<|vision_end|>";
  return spec;
}

}  // namespace linnet
