#pragma once

#include "image/image.hpp"

namespace linnet {

/// How pixels between pixels are made. If a picture shrinks, each covers as many pixels more.
enum class Resampling {
  kBilinear,  ///< from 2 pixels each way
  kBicubic,   ///< from 4, a = -0.5
  kLanczos,   ///< from 6
};

/// The image with another size; all sizes are at least 1. The bytes are those that Pillow's
/// Image.resize gives, which models were trained with. Beside the result it takes 12 bytes for each
/// pixel of it, and some 40 for each row and column of both. It takes time for `width` pixels in
/// each row of `image`, also if `height` is small: whoever takes pictures from outside limits
/// how much their shape changes.
Image resize(const Image& image, int width, int height, Resampling resampling);

}  // namespace linnet
