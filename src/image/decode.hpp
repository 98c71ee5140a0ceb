#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.hpp"
#include "image/image.hpp"

namespace linnet {

/// What a picture may cost. A file of a few bytes can ask for all of it: while it is decoded, up to
/// 12 bytes a pixel are in use, the three of the picture itself among them; for a WebP, whatever
/// its size, 0.4 GB more.
struct ImageLimits {
  std::int64_t most_pixels = 64'000'000;  ///< width times height, as the file says before all else
};

/// The picture in a whole file of JPEG, PNG, WebP or GIF; its first bytes tell which. Of an
/// animation it is the first frame, on its canvas. It stands as a viewer shows it: turned as its
/// EXIF data say, and over white where it is transparent. Samples of 16 bits lose the lower eight;
/// colour profiles and gamma are not applied.
///
/// Whatever the bytes are, this ends, and the memory that it takes follows from `limits` and the
/// size of the file. An Error says why there is no picture; one that is cut short or damaged is an
/// error, too. May be called by several threads at once.
Result<Image> decode_image(std::span<const std::byte> file, const ImageLimits& limits = {});

}  // namespace linnet
