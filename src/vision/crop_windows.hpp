#pragma once

#include "vision/picture_size.hpp"

namespace linnet {

/// The square windows that Step3-VL cuts a picture into: the picture gets the size `extent`, and
/// what a window has beyond it is black.
struct CropWindows {
  int side = 0;  ///< in pixels; 0: the picture is not cut
  PictureSize extent;
  Grid grid;
};

/// The windows of a picture of `size`; `whole_side` is that of uncut pictures, `tile_side` that of
/// a tile.
CropWindows crop_windows(PictureSize size, int whole_side, int tile_side);

/// What such a picture is before it is cut: no longer than `longest`, with black at the sides if it
/// is very narrow.
struct NarrowedPicture {
  PictureSize picture, canvas;
};
NarrowedPicture narrowed(PictureSize size, int longest);

}  // namespace linnet
