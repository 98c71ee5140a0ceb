#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {

// EXAONE 4.5: Qwen2.5-VL's encoder whose heads share keys and values, before a text model that
// knows no places by row and column.
VisionSpec read_exaone_vision(Hyperparameters& p, const WeightLoader& loader) {
  constexpr int kWindowPixels = 112;
  VisionSpec spec = read_qwen2_vision(p, loader);
  spec.tower.norm = NormKind::kRms;
  read_pixel_limits(p, spec);
  read_shared_keys(p, spec);
  const std::int64_t period = p.count("vision.n_wa_pattern", 0, Hyperparameters::kMostLayers);
  if (period > 0) see_windows(kWindowPixels, static_cast<int>(period), spec);
  spec.before = "<vision>";
  spec.after = "</vision>";
  spec.row_places = RowPlaces::kNone;
  return spec;
}

}  // namespace linnet
