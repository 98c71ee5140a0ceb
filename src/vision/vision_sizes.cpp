#include "vision/vision_sizes.hpp"

#include <algorithm>

#include "backend/kv_pages.hpp"
#include "base/checked.hpp"
#include "model/blocks/moe.hpp"
#include "vision/convolutional_net.hpp"
#include "vision/sam.hpp"

namespace linnet {
namespace {

// Columns of a row within a feed-forward part, at most.
std::int64_t inner_columns(const ModelSpec& tower) {
  std::int64_t most = 0;
  for (const LayerSpec& layer : tower.layers) {
    const std::int64_t experts = layer.moe.experts > 0 ? moe_columns(layer.moe, tower.width) : 0;
    most = std::max(most, std::int64_t{2} * layer.mlp.width + experts);
  }
  return most;
}

// Columns of queries, keys, values and results, where heads are wider than the tower.
std::int64_t wide_columns(const ModelSpec& tower) {
  std::int64_t most = 0;
  for (const LayerSpec& layer : tower.layers) {
    const AttentionSpec& a = layer.attention;
    const std::int64_t head = std::int64_t{a.key_width} + a.value_width;
    most = std::max(most, (std::int64_t{2} * a.heads + 2 * a.kv_heads) * head);
  }
  return std::max<std::int64_t>(0, most - 8 * tower.width);
}

// Of keys and values: a window has pages of its own, which it may not fill.
std::int64_t early_window_bytes(const VisionSpec& spec) {
  const std::int64_t side = spec.early.window_side;
  if (side == 0) return 0;
  const std::int64_t windows = most_patches(spec) / (side * side);
  return saturating_multiply(windows * pages_for(side * side) * kPageTokens,
                             2 * spec.early.tower.width * std::int64_t{sizeof(float)});
}

}  // namespace

std::int32_t rows_before_patches(const VisionSpec& spec) {
  return spec.class_token == ClassToken::kNone ? 0 : spec.class_rows;
}

std::int64_t queries_behind(const VisionSpec& spec, std::int64_t patches) {
  return spec.queries.empty() ? 0 : patches;
}

std::int64_t most_rows(const VisionSpec& spec) {
  const std::int64_t patches = most_patches(spec);
  return rows_before_patches(spec) + patches + queries_behind(spec, patches);
}

std::int64_t most_patches(const VisionSpec& spec) {
  const auto square = [&](int side) {
    const std::int64_t across = side / spec.patch_side;
    return across * across;
  };
  const PictureSizing& sizing = spec.sizing;
  const std::int64_t whole = sizing.fixed_side > 0
                                 ? square(sizing.fixed_side)
                                 : sizing.most_tokens * spec.merge_side * spec.merge_side;
  return std::max(whole, square(spec.tiling.side));
}

std::int64_t most_projected_patches(const VisionSpec& spec) {
  std::int64_t most = most_patches(spec);
  if (!spec.tiling.joins_rows) return most;
  const std::int64_t across = spec.tiling.side / spec.patch_side;
  for (const auto& [columns, rows] : spec.tiling.grids) {
    most = std::max(most, columns * across * across);
  }
  return most;
}

// The residual stream, inputs and results of blocks, queries, keys and values, which are kept, too;
// what is within a feed-forward part; pixels and projections. And a tenth, for what is rounded up.
std::int64_t vision_workspace_bytes(const VisionSpec& spec) {
  const ModelSpec& tower = spec.tower;
  const std::int64_t streams = tower.layers.empty() ? 5 : 20 + std::ssize(tower.kept_layers);
  const std::int64_t floats =
      streams * tower.width + wide_columns(tower) + inner_columns(tower) + spec.patch_values();
  const std::int64_t bytes =
      saturating_multiply(most_rows(spec), floats * std::int64_t{sizeof(float)} / 10 * 11);
  // What is kept of a row of tiles, and what the projector reads of it.
  const std::int64_t kept_bytes = (most_projected_patches(spec) - most_patches(spec)) *
                                  spec.projected_columns() * 2 * std::int64_t{sizeof(float)};
  const std::int64_t merged = std::int64_t{spec.early.merge_side} * spec.early.merge_side;
  const std::int64_t late_bytes = spec.early.tower.layers.empty() ? 0 : bytes / merged;
  const std::int64_t front_bytes =
      saturating_add(sam_workspace_bytes(spec.sam), net_workspace_bytes(spec.net));
  return saturating_add(saturating_add(saturating_add(bytes, kept_bytes), late_bytes),
                        saturating_add(front_bytes, early_window_bytes(spec)));
}

}  // namespace linnet
