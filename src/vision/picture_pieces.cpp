#include "vision/picture_pieces.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "vision/crop_windows.hpp"
#include "vision/pixels.hpp"

namespace linnet {
namespace {

// Pixels of the picture, or of what it becomes in a grid of `area`, whichever is less.
std::int64_t useful_area(PictureSize size, PictureSize area) {
  const float factor = std::min(static_cast<float>(area.width) / static_cast<float>(size.width),
                                static_cast<float>(area.height) / static_cast<float>(size.height));
  const PictureSize fitted{static_cast<int>(static_cast<float>(size.width) * factor),
                           static_cast<int>(static_cast<float>(size.height) * factor)};
  return std::min(fitted.area(), size.area());
}

// Of equals the one with the least area, of these the first.
Grid largest_grid(const Tiling& tiling, PictureSize size) {
  Grid best{1, 1};
  std::int64_t most = 0, area_of_best = 0;
  for (const auto& [columns, rows] : tiling.grids) {
    const PictureSize area{columns * tiling.side, rows * tiling.side};
    const std::int64_t useful = useful_area(size, area);
    if (useful > most || (useful == most && area.area() < area_of_best)) {
      best = {columns, rows};
      most = useful;
      area_of_best = area.area();
    }
  }
  return best;
}

// Of equals the last one of which the picture fills more than half.
Grid nearest_grid(const Tiling& tiling, PictureSize size) {
  const float shape = static_cast<float>(size.width) / static_cast<float>(size.height);
  Grid best{1, 1};
  float least = std::numeric_limits<float>::infinity();
  for (const auto& [columns, rows] : tiling.grids) {
    const PictureSize area{columns * tiling.side, rows * tiling.side};
    const float difference =
        std::abs(shape - static_cast<float>(columns) / static_cast<float>(rows));
    const bool is_better =
        difference < least || (difference == least && 2 * size.area() > area.area());
    if (!is_better) continue;
    best = {columns, rows};
    least = difference;
  }
  return best;
}

// As MiniCPM-V cuts pictures: https://arxiv.org/abs/2408.01800, section 3.2.
std::optional<Grid> grid_by_area(const VisionSpec& spec, PictureSize size) {
  const double area = static_cast<double>(spec.sizing.area_side) * spec.sizing.area_side;
  const int most = spec.tiling.most_tiles;
  const int tiles = static_cast<int>(
      std::min(std::ceil(static_cast<double>(size.area()) / area), static_cast<double>(most)));
  if (tiles <= 1) return std::nullopt;
  const double shape = std::log(static_cast<double>(size.width) / size.height);
  Grid best{1, 1};
  double least = std::numeric_limits<double>::infinity();
  for (int count = std::max(2, tiles - 1); count <= std::min(tiles + 1, most); ++count) {
    for (int columns = 1; columns <= count; ++columns) {
      if (count % columns != 0) continue;
      const int rows = count / columns;
      const double difference = std::abs(shape - std::log(static_cast<double>(columns) / rows));
      if (difference >= least) continue;
      best = {columns, rows};
      least = difference;
    }
  }
  return best;
}

// In whole patches, as LFM2-VL rounds them.
bool is_beyond_twice(const VisionSpec& spec, PictureSize size) {
  const int unit = spec.patch_side * spec.merge_side;
  const auto rounded = [&](int length) {
    const double units = std::nearbyint(static_cast<double>(length) / unit);
    return std::max(static_cast<double>(spec.patch_side), units * unit);
  };
  const double most = static_cast<double>(spec.sizing.most_tokens) * unit * unit;
  return rounded(size.width) * rounded(size.height) > 2.0 * most;
}

// The longer side becomes Tiling::longest; the other keeps the shape, and becomes even.
PictureSize with_longest_side(const Tiling& tiling, PictureSize size) {
  const double shape = static_cast<double>(size.width) / size.height;
  const bool is_wide = size.width >= size.height;
  int other = static_cast<int>(is_wide ? tiling.longest / shape : tiling.longest * shape);
  other = std::max(other + other % 2, 2);
  return is_wide ? PictureSize{tiling.longest, other} : PictureSize{other, tiling.longest};
}

int tiles_across(int length, int side) { return (length + side - 1) / side; }

CropWindows windows_of(const VisionSpec& spec, PictureSize size) {
  const PictureSize canvas = narrowed(size, spec.tiling.longest).canvas;
  return crop_windows(canvas, spec.sizing.fixed_side, spec.tiling.side);
}

// What is cut, and what the overview is made of, if that is not the picture itself.
std::optional<Image> source_of(const VisionSpec& spec, const Image& image) {
  if (spec.tiling.choice != Tiling::Choice::kWindows) return std::nullopt;
  const auto [picture, canvas] = narrowed({image.width, image.height}, spec.tiling.longest);
  return padded_to(resize(image, picture.width, picture.height, spec.tiling.resampling), canvas);
}

// Windows with what they have of the picture, before each becomes a tile.
Image fill_windows(const VisionSpec& spec, const Image& image) {
  const auto [side, extent, grid] = windows_of(spec, {image.width, image.height});
  return padded_to(resize(image, extent.width, extent.height, spec.tiling.resampling),
                   {grid.width * side, grid.height * side});
}

PictureSize tile_size(const VisionSpec& spec, PictureSize size, Grid grid) {
  if (spec.tiling.choice != Tiling::Choice::kArea) return {spec.tiling.side, spec.tiling.side};
  const auto part = [](int length, int parts) {
    return std::max(1, static_cast<int>(std::nearbyint(static_cast<double>(length) / parts)));
  };
  return target_size(spec, {part(size.width, grid.width), part(size.height, grid.height)});
}

// The picture in the size of a grid of tiles.
Image fill_grid(const VisionSpec& spec, const Image& image, Grid grid, PictureSize tile) {
  const Tiling& tiling = spec.tiling;
  if (tiling.choice == Tiling::Choice::kWindows) return fill_windows(spec, image);
  const PictureSize area{grid.width * tile.width, grid.height * tile.height};
  if (tiling.has_bars) return resized_with_bars(image, area, kBlack, tiling.resampling);
  if (tiling.choice != Tiling::Choice::kLongestSide) {
    return resize(image, area.width, area.height, tiling.resampling);
  }
  const PictureSize first = with_longest_side(tiling, {image.width, image.height});
  return resize(resize(image, first.width, first.height, tiling.resampling), area.width,
                area.height, tiling.resampling);
}

std::string text_before_tile(const Tiling& tiling, int row, int column) {
  return fmt::format(fmt::runtime(tiling.before_tile), fmt::arg("row", row + 1),
                     fmt::arg("column", column + 1));
}

// For Tiling::joins_rows.
void add_rows_of_tiles(const Image& filled, Grid grid, std::string& between,
                       std::vector<PicturePiece>& pieces) {
  const int height = filled.height / grid.height;
  for (int row = 0; row < grid.height; ++row) {
    pieces.push_back(
        {std::exchange(between, {}), crop(filled, 0, row * height, filled.width, height)});
  }
}

// Row by row; `between` are the texts after what came before the next piece.
void add_tiles(const Tiling& tiling, const Image& filled, Grid grid, PictureSize size,
               std::string& between, std::vector<PicturePiece>& pieces) {
  const PictureSize tile{filled.width / grid.width, filled.height / grid.height};
  between += tiling.before_tiles;
  for (int row = 0; row < grid.height; ++row) {
    for (int column = 0; column < grid.width; ++column) {
      between += text_before_tile(tiling, row, column);
      Image cut = crop(filled, column * tile.width, row * tile.height, tile.width, tile.height);
      if (tile != size) cut = resize(cut, size.width, size.height, tiling.resampling);
      pieces.push_back({std::exchange(between, {}), std::move(cut)});
      between += tiling.behind_tile;
      if (column + 1 < grid.width) between += tiling.between_columns;
    }
    between += tiling.behind_row;
    if (row + 1 < grid.height) between += tiling.between_rows;
  }
  between += tiling.behind_tiles;
}

}  // namespace

std::optional<Grid> grid_of_tiles(const VisionSpec& spec, PictureSize size) {
  const Tiling& tiling = spec.tiling;
  switch (tiling.choice) {
    case Tiling::Choice::kNone:
      return std::nullopt;
    case Tiling::Choice::kLargest:
      if (std::max(size.width, size.height) <= tiling.side) return std::nullopt;
      return largest_grid(tiling, size);
    case Tiling::Choice::kLargestAlways:
      return largest_grid(tiling, size);
    case Tiling::Choice::kLongestSide: {
      const PictureSize first = with_longest_side(tiling, size);
      return Grid{tiles_across(first.width, tiling.side), tiles_across(first.height, tiling.side)};
    }
    case Tiling::Choice::kShape:
      if (!is_beyond_twice(spec, size)) return std::nullopt;
      return nearest_grid(tiling, size);
    case Tiling::Choice::kShapeAlways: {
      const Grid grid = nearest_grid(tiling, size);
      if (grid.area() == 1) return std::nullopt;
      return grid;
    }
    case Tiling::Choice::kShapeOfLarge:
      if (std::max(size.width, size.height) <= tiling.side) return std::nullopt;
      return nearest_grid(tiling, size);
    case Tiling::Choice::kWindows: {
      const CropWindows windows = windows_of(spec, size);
      if (windows.side == 0) return std::nullopt;
      return windows.grid;
    }
    case Tiling::Choice::kArea:
      return grid_by_area(spec, size);
  }
  return std::nullopt;
}

PicturePieces pieces_of(const VisionSpec& spec, const Image& original) {
  const Tiling& tiling = spec.tiling;
  const std::optional<Image> source = source_of(spec, original);
  const Image& image = source ? *source : original;
  PicturePieces result;
  std::string between(spec.before);
  const auto add_overview = [&](const Image& whole) {
    result.pieces.push_back({std::exchange(between, {}), resized_for(spec, whole)});
    between += tiling.behind_overview;
  };
  const PictureSize size{image.width, image.height};
  if (const auto grid = grid_of_tiles(spec, size)) {
    const PictureSize tile = tile_size(spec, size, *grid);
    const Image filled = fill_grid(spec, image, *grid, tile);
    if (tiling.overview_first) add_overview(image);
    if (tiling.joins) {
      const Grid merged =
          PictureSize{filled.width, filled.height} / (spec.patch_side * spec.merge_side);
      result.pieces.push_back({std::exchange(between, {}), filled, bars_of(size, merged)});
    } else if (tiling.joins_rows) {
      add_rows_of_tiles(filled, *grid, between, result.pieces);
    } else {
      add_tiles(tiling, filled, *grid, tile, between, result.pieces);
    }
    between += tiling.before_overview;
    // Idefics 3 makes it of what fills the tiles.
    const bool is_of_filled = tiling.choice == Tiling::Choice::kLongestSide;
    if (!tiling.overview_first) add_overview(is_of_filled ? filled : image);
  } else {
    between += tiling.before_whole;
    add_overview(image);
  }
  result.after = between + std::string(spec.after);
  return result;
}

}  // namespace linnet
