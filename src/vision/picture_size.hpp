#pragma once

#include <optional>

#include "encoder/grid.hpp"
#include "vision/vision_spec.hpp"

namespace linnet {

/// Sides of a picture, in pixels.
struct PictureSize {
  int width = 0;
  int height = 0;

  std::int64_t area() const { return std::int64_t{width} * height; }
  /// The number of squares of `side` pixels each way.
  Grid operator/(int side) const { return {width / side, height / side}; }
  bool operator==(const PictureSize&) const = default;
};

/// The size that a picture of `size` gets, as the models' own image processors choose it: with
/// PictureSizing::fixed_side that; else one of whole merged patches by PictureSizing::choice,
/// smaller or larger if that would be too many or too few of them. At most
/// PictureSizing::most_tokens in any case.
PictureSize target_size(const VisionSpec& spec, PictureSize size);

/// What the picture itself takes up of its target_size(): less than all where PictureSizing::pads.
PictureSize filled_size(const VisionSpec& spec, PictureSize size);

/// For joined tiles (Tiling::joins): how many merged patches at the left and at the right, and
/// above and below, show bars; none for other pictures.
using Bars = std::optional<Grid>;

/// The bars of a picture of `size` in tiles of `merged` merged patches together.
Grid bars_of(PictureSize size, Grid merged);

/// Rows of the text model that a picture of `merged` merged patches becomes.
std::int64_t rows_of(const VisionSpec& spec, Grid merged, const Bars& bars = std::nullopt);

}  // namespace linnet
