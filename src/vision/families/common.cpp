#include "vision/families/common.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace linnet {
namespace {

constexpr std::int64_t kWidestPatch = 256;
constexpr std::int64_t kWidestPicture = 1 << 14;

std::array<float, 3> read_colours(Hyperparameters& p, std::string_view key) {
  std::array<float, 3> colours{};
  if (!p.has_array(key)) {
    p.fail(fmt::format("missing metadata key {}.{}", p.architecture(), key));
    return colours;
  }
  for (int i = 0; i < 3; ++i) colours[i] = p.layer_number(key, i, 0.0f);
  return colours;
}

}  // namespace

VisionSpec read_patches(Hyperparameters& p, TrainedSide side) {
  VisionSpec spec;
  if (side == TrainedSide::kRequired) {
    spec.trained_side = p.required_count("vision.image_size", kWidestPicture);
  }
  spec.patch_side = p.required_count("vision.patch_size", kWidestPatch);
  spec.mean = read_colours(p, "vision.image_mean");
  spec.deviation = read_colours(p, "vision.image_std");
  return spec;
}

VisionSpec read_common_vision(Hyperparameters& p, const WeightLoader& loader, TrainedSide side) {
  VisionSpec spec = read_patches(p, side);
  spec.tower = read_tower(p, loader, {"vision", "v.blk"});
  spec.tower.norm_names.output = "v.post_ln";
  const bool has_norm = loader.has("v.post_ln.weight");
  spec.tower.output_norm = has_norm ? NormUse::kWeights : NormUse::kNone;
  if (loader.has("v.norm_embd.weight")) spec.embedding_norm = "v.norm_embd";
  if (loader.has("v.pre_ln.weight")) spec.patch_norm = "v.pre_ln";
  return spec;
}

int read_places_of_net(Hyperparameters& p, int side, VisionSpec& spec) {
  const NetRows result = net_result(spec.net);
  const int places = std::max(1, result.grid.width);
  spec.patch_side = std::max(1, side / places);
  if (spec.patch_side * places != side) {
    p.fail(
        fmt::format("metadata key clip.vision.image_size is {}, expected a multiple of the {} "
                    "places that the network makes of it each way",
                    side, places));
  }
  spec.sizing.fixed_side = side;
  spec.tower.architecture = p.architecture();
  spec.tower.width = std::max<std::int64_t>(1, result.columns);
  return places;
}

void read_pixel_limits(Hyperparameters& p, VisionSpec& spec) {
  constexpr std::int64_t kMostTokens = 1 << 14;
  PictureSizing& sizing = spec.sizing;
  const std::int64_t side = std::int64_t{spec.patch_side} * spec.merge_side, area = side * side;
  const auto tokens = [&](std::string_view key, std::int64_t rest, std::int64_t fallback) {
    const std::int64_t pixels = p.count(key, 0);
    return pixels == 0 ? fallback
                       : std::clamp<std::int64_t>((pixels + rest) / area, 1, kMostTokens);
  };
  sizing.most_tokens = tokens("vision.image_max_pixels", 0, sizing.most_tokens);
  sizing.least_tokens = std::min(tokens("vision.image_min_pixels", area - 1, sizing.least_tokens),
                                 sizing.most_tokens);
}

void see_windows(int pixels, int period, VisionSpec& spec) {
  spec.window_side = std::max(1, pixels / (spec.patch_side * spec.merge_side));
  for (std::size_t i = 0; i < spec.tower.layers.size(); ++i) {
    spec.tower.layers[i].attention.in_windows = (static_cast<int>(i) + 1) % period != 0;
  }
}

void read_shared_keys(Hyperparameters& p, VisionSpec& spec) {
  const std::int64_t heads = spec.tower.layers.front().attention.heads;
  const std::int64_t kv_heads = p.count("vision.attention.head_count_kv", heads, heads);
  if (heads % kv_heads != 0) {
    p.fail(fmt::format("{} heads share {} keys and values, expected a divisor", heads, kv_heads));
  }
  for (LayerSpec& layer : spec.tower.layers) {
    layer.attention.kv_heads = static_cast<int>(kv_heads);
  }
}

void turn_halves_of_pairs(float base, ModelSpec& tower) {
  for (LayerSpec& layer : tower.layers) {
    AttentionSpec& a = layer.attention;
    const int pairs = a.key_width / 2, half = pairs / 2;
    for (int component = 0; component < 2; ++component) {
      RopeSpec rope;
      rope.layout = RopeLayout::kSplitHalf;
      rope.dims = 2 * pairs;
      rope.inverse_frequencies.assign(static_cast<std::size_t>(pairs), 0.0f);
      for (int i = 0; i < half; ++i) {
        rope.inverse_frequencies[component * half + i] =
            static_cast<float>(std::pow(double{base}, -2.0 * i / pairs));
      }
      a.placed_ropes.push_back({component, std::move(rope)});
    }
  }
}

void turn_halves(const TurnedHalves& turned, ModelSpec& tower) {
  for (LayerSpec& layer : tower.layers) {
    AttentionSpec& a = layer.attention;
    const int half = a.key_width / 2;
    for (int part = 0; part < 2; ++part) {
      RopeSpec rope;
      rope.layout = turned.layout;
      rope.first = part * half;
      rope.dims = half / 2 * 2;
      const double shift = turned.interleaved ? part * 0.5 : 0.0;
      for (int i = 0; i < half / 2; ++i) {
        rope.inverse_frequencies.push_back(
            static_cast<float>(std::pow(double{turned.base}, -2.0 * (i + shift) / half)));
      }
      const int component = turned.columns_first ? 1 - part : part;
      a.placed_ropes.push_back({component, std::move(rope)});
    }
  }
}

void keep_layers(std::size_t layers, const WeightLoader& loader, ModelSpec& tower) {
  tower.layers.resize(std::min(layers, tower.layers.size()));
  for (std::size_t i = tower.layers.size();; ++i) {
    std::string prefix = fmt::format("{}.{}.", tower.layer_name, i);
    if (!loader.has(prefix + "attn_out.weight")) return;
    tower.unused_tensors.push_back(std::move(prefix));
  }
}

void read_grids(Hyperparameters& p, VisionSpec& spec) {
  constexpr std::string_view kKey = "vision.image_grid_pinpoints";
  constexpr std::size_t kMostGrids = 256;
  constexpr int kMostTilesOfSide = 16;
  const int side = spec.trained_side;
  const std::vector<std::int64_t> lengths = read_counts(p, kKey, 2 * kMostGrids);
  if (lengths.empty()) return;
  spec.tiling = tiles_of(side);
  spec.tiling.overview_first = true;
  for (std::size_t i = 0; i + 1 < lengths.size(); i += 2) {
    std::array<int, 2> grid;
    for (std::size_t k = 0; k < 2; ++k) {
      const std::int64_t length = lengths[i + k];
      grid[k] = static_cast<int>(length / side);
      if (length % side != 0 || grid[k] < 1 || grid[k] > kMostTilesOfSide) {
        return p.fail(fmt::format("metadata key clip.{} has {}, expected a multiple of {} up to {}",
                                  kKey, length, side, kMostTilesOfSide * side));
      }
    }
    spec.tiling.grids.push_back(grid);
  }
}

Tiling tiles_of(int side) {
  Tiling tiling;
  tiling.choice = Tiling::Choice::kLargest;
  tiling.side = side;
  tiling.has_bars = true;
  return tiling;
}

}  // namespace linnet
