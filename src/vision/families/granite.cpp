#include <fmt/format.h>

#include <algorithm>

#include "vision/families/common.hpp"
#include "vision/families/families.hpp"

namespace linnet {
namespace {

// Of each projector: the corner of 2 x 2 patches that its queries begin with, or -1.
std::vector<int> read_corners(Hyperparameters& p, std::size_t projectors) {
  constexpr std::string_view kKey = "clip.vision.projector.spatial_offsets";
  constexpr std::int64_t kLast = 3;
  const auto array = p.file().array(kKey);
  std::vector<int> corners;
  if (!array || !*array || !(*array)->is_integer() || (*array)->size() != projectors) {
    p.fail(
        fmt::format("metadata key {} is missing or has not an integer for each of {} "
                    "clip.vision.feature_layer",
                    kKey, projectors));
    return std::vector<int>(projectors, -1);
  }
  for (std::size_t i = 0; i < projectors; ++i) {
    const std::int64_t corner = (*array)->integer(i);
    if (corner < -1 || corner > kLast) {
      p.fail(fmt::format("metadata key {} has {}, expected -1 to {}", kKey, corner, kLast));
    }
    corners.push_back(static_cast<int>(std::clamp<std::int64_t>(corner, -1, kLast)));
  }
  return corners;
}

WindowQueriesSpec read_windows(Hyperparameters& p, const VisionSpec& spec) {
  constexpr std::int64_t kWidest = 64;
  WindowQueriesSpec windows;
  windows.side = p.required_count("vision.projector.window_side", kWidest);
  windows.query_side = p.required_count("vision.projector.query_side", kWidest);
  windows.norm_epsilon = spec.tower.norm_epsilon;
  const int patches = spec.trained_side / spec.patch_side;
  if (windows.side != 2 * windows.query_side || patches % windows.side != 0) {
    p.fail(
        fmt::format("windows of {0} x {0} patches have {1} x {1} queries in pictures of {2} x {2} "
                    "patches, expected half as many each way and whole windows",
                    windows.side, windows.query_side, patches));
    return {};
  }
  return windows;
}

// The layers whose results the projectors read, which may read the same.
void read_sources(Hyperparameters& p, VisionSpec& spec) {
  constexpr std::string_view kKey = "vision.feature_layer";
  const std::int64_t layers = std::ssize(spec.tower.layers);
  const auto features =
      read_counts(p, kKey, static_cast<std::size_t>(Hyperparameters::kMostLayers));
  if (features.empty()) p.fail(fmt::format("missing metadata key clip.{}", kKey));
  for (const std::int64_t feature : features) {
    if (feature < layers) {
      spec.tower.kept_layers.push_back(static_cast<int>(feature));
      continue;
    }
    return p.fail(
        fmt::format("metadata key clip.{} has {}, expected 0 to {}", kKey, feature, layers - 1));
  }
  std::vector<int>& kept = spec.tower.kept_layers;
  std::ranges::sort(kept);
  kept.erase(std::unique(kept.begin(), kept.end()), kept.end());  // not with clang 14's ranges
  for (const std::int64_t feature : features) {
    spec.sources.push_back(static_cast<int>(std::ranges::find(kept, feature) - kept.begin()));
  }
}

}  // namespace

// Granite 4 Vision: SigLIP over tiles of one size, of which several projectors make rows for
// several layers of the text model.
VisionSpec read_granite4_vision(Hyperparameters& p, const WeightLoader& loader) {
  constexpr std::string_view kLineEnd = "v.image_newline";
  VisionSpec spec = read_common_vision(p, loader);
  spec.tower.output_norm = NormUse::kNone;
  spec.tower.unused_tensors.push_back("v.post_ln.");
  spec.merge_side = 2;
  spec.sizing.fixed_side = spec.trained_side;
  spec.places = PlaceTable::kGrid;
  read_sources(p, spec);
  WindowQueriesSpec windows = read_windows(p, spec);
  const std::vector<int> corners = read_corners(p, spec.sources.size());
  for (std::size_t i = 0; i < corners.size(); ++i) {
    const std::string stem = fmt::format("v.proj_blk.{}", i);
    windows.corner = corners[i];
    std::vector<ProjectorStep> steps = {window_queries(stem, windows), linear(stem + ".linear")};
    if (i == 0) {
      spec.projector_steps = std::move(steps);
    } else {
      spec.deep_steps.push_back(std::move(steps));
    }
  }
  spec.after = "\n";
  read_grids(p, spec);
  Tiling& tiling = spec.tiling;
  tiling.joins = !tiling.grids.empty();
  if (tiling.joins) {
    tiling.choice = Tiling::Choice::kLargestAlways;
    tiling.line_end = kLineEnd;
  } else {
    spec.tower.unused_tensors.emplace_back(kLineEnd);
  }
  return spec;
}

}  // namespace linnet
