#pragma once

#include <cstddef>
#include <span>

#include "image/image.hpp"

namespace linnet {

/// Where a picture stands as its rows do.
inline constexpr int kUpright = 1;

/// The orientation, 1 to 8, that EXIF data say the picture was taken in; kUpright if they say
/// nothing that is one. `exif` is a TIFF header and what follows, with or without "Exif" before it.
int exif_orientation(std::span<const std::byte> exif);

/// The picture that was taken in this orientation as it is to be seen.
Image turned(Image image, int orientation);

}  // namespace linnet
