#pragma once

#include <vector>

#include "image/image.hpp"
#include "vision/picture_size.hpp"
#include "vision/vision_spec.hpp"

namespace linnet {

/// A picture as a tower reads it: colours [height][width][3] with the tower's mean and deviation
/// taken out; whole merged patches.
struct Pixels {
  PictureSize size;
  std::vector<float> values;
  Bars bars = {};  ///< of joined tiles
};

inline constexpr Colour kBlack = {0, 0, 0};

/// `image` in its own shape, as large as it is within `size`, in the middle of bars that fill the
/// rest. What is no whole number of pixels becomes the next larger one.
Image resized_with_bars(const Image& image, PictureSize size, Colour bars, Resampling resampling);
/// The same; it becomes the nearest one.
Image padded_with_bars(const Image& image, PictureSize size, Colour bars, Resampling resampling);

/// `image` in the upper left corner of a black picture of `size`.
Image padded_to(Image image, PictureSize size);

/// `image` in the size that `spec` wants.
Image resized_for(const VisionSpec& spec, const Image& image);

/// An image that has this size in the colours that `spec` wants.
Pixels pixels_of(const VisionSpec& spec, const Image& resized);

/// Tile `index` of those of `side` pixels that a picture consists of, by rows from the top.
Pixels tile_of(const Pixels& picture, int side, int index);

/// The patches `order` of a picture (by rows from the top), each [3][patch_side][patch_side], one
/// after the other.
std::vector<float> patches_of(const Pixels& pixels, int patch_side,
                              std::span<const std::int32_t> order);

}  // namespace linnet
