#include <fmt/format.h>

#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {
namespace {

// llama.cpp's first converters wrote a table of places that is none.
constexpr const char* kTableOfZeros = "v.position_embd.";

// The layers of the tower whose results text layers get, too.
std::vector<int> read_deep_layers(Hyperparameters& p, int layers) {
  constexpr std::string_view kFlags = "vision.is_deepstack_layers";
  std::vector<int> deep;
  for (int i = 0; i < layers && p.array_size(kFlags) == static_cast<std::size_t>(layers); ++i) {
    if (p.layer_count(kFlags, i, 0) != 0) deep.push_back(i);
  }
  return deep;
}

// Pictures of any shape, whose patches rotate by row and column, and four of which become a row
// that has its place in the text by row and column, too.
VisionSpec read_qwen_vision(Hyperparameters& p, const WeightLoader& loader) {
  VisionSpec spec = read_common_vision(p, loader);
  spec.merge_side = p.count("vision.spatial_merge_size", 2, 64);
  spec.sizing.least_tokens = 8;
  spec.sizing.most_tokens = 4096;
  turn_halves_of_pairs(10000.0f, spec.tower);
  spec.projector_steps = {concatenate(spec.merge_side), linear("mm.0"), activate(), linear("mm.2")};
  spec.before = "<|vision_start|>";
  spec.after = "<|vision_end|>";
  spec.row_places = RowPlaces::kGrid;
  return spec;
}

}  // namespace

// Qwen2-VL (https://arxiv.org/abs/2409.12191).
VisionSpec read_qwen2_vision(Hyperparameters& p, const WeightLoader& loader) {
  VisionSpec spec = read_qwen_vision(p, loader);
  spec.tower.unused_tensors.emplace_back(kTableOfZeros);
  return spec;
}

// Qwen2.5-VL (https://arxiv.org/abs/2502.13923): most layers see windows of 112 pixels.
VisionSpec read_qwen25_vision(Hyperparameters& p, const WeightLoader& loader) {
  constexpr int kWindowPixels = 112;
  VisionSpec spec = read_qwen_vision(p, loader);
  spec.tower.norm = NormKind::kRms;
  spec.tower.unused_tensors.emplace_back(kTableOfZeros);
  const int period = p.required_count("vision.n_wa_pattern", Hyperparameters::kMostLayers);
  see_windows(kWindowPixels, period, spec);
  return spec;
}

// Qwen3-VL (https://arxiv.org/abs/2511.21631) and Qwen 3.5: places are learned, too, and what some
// layers made of the patches goes into the first layers of the text model.
VisionSpec read_qwen3_vision(Hyperparameters& p, const WeightLoader& loader) {
  VisionSpec spec = read_qwen_vision(p, loader);
  spec.places = PlaceTable::kCorners;
  const int layers = static_cast<int>(spec.tower.layers.size());
  for (int i = 0; i < layers; ++i) {
    const std::string prefix = fmt::format("v.deepstack.{}.", i);
    if (!loader.has(prefix + "fc1.weight")) continue;
    spec.tower.kept_layers.push_back(i);
    spec.deep_steps.push_back({concatenate(spec.merge_side),
                               norm(prefix + "norm", NormKind::kLayer, spec.tower.norm_epsilon),
                               linear(prefix + "fc1"), activate(), linear(prefix + "fc2")});
  }
  // Qwen3-Omni's steps have the numbers 0, 1 and so on, not those of their layers.
  std::vector<int> deep = read_deep_layers(p, layers);
  if (deep.size() == spec.tower.kept_layers.size()) spec.tower.kept_layers = std::move(deep);
  return spec;
}

}  // namespace linnet
