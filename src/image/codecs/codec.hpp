#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "image/decode.hpp"
#include "image/image.hpp"

namespace linnet {

/// A kind of picture: a file beside this one and an entry in decode.cpp.
struct Codec {
  std::string_view name;
  bool (*recognises)(std::span<const std::byte> file);
  /// The promises of decode_image; errors do not begin with the name.
  Result<Image> (*decode)(std::span<const std::byte> file, const ImageLimits& limits);
};

extern const Codec kJpeg;
extern const Codec kPng;
extern const Codec kWebp;
extern const Codec kGif;

/// What the codecs share.

bool begins_with(std::span<const std::byte> file, std::string_view bytes);

/// An Error where a picture of this size is empty or not allowed.
Status check_size(std::int64_t width, std::int64_t height, const ImageLimits& limits);

/// Of a file that ends before its picture does.
Error cut_short(std::span<const std::byte> file);

/// Of a file that the library of its format does not accept: `why` is what the library says.
Error damaged(std::string_view why);

/// Pixels of red, green, blue and opacity become those of an Image.
void lay_over_white(std::vector<std::uint8_t>& pixels);

}  // namespace linnet
