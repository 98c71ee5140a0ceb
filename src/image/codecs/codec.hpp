#pragma once

#include <cstdint>
#include <vector>

#include "base/file_codec.hpp"
#include "base/result.hpp"
#include "image/decode.hpp"
#include "image/image.hpp"

namespace linnet {

/// A kind of picture: a file next to this one and an entry in decode.cpp. `decode` makes the
/// promises of decode_image.
using Codec = FileCodec<Image, ImageLimits>;

extern const Codec kJpeg;
extern const Codec kPng;
extern const Codec kWebp;
extern const Codec kGif;

/// What the codecs share.

/// An Error if a picture of this size is empty or not allowed.
Status check_size(std::int64_t width, std::int64_t height, const ImageLimits& limits);

/// Pixels of red, green, blue and opacity become those of an Image.
void lay_over_white(std::vector<std::uint8_t>& pixels);

}  // namespace linnet
