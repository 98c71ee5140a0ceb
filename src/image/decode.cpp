#include "image/decode.hpp"

#include "image/codecs/codec.hpp"

namespace linnet {
namespace {

constexpr const Codec* kCodecs[] = {&kJpeg, &kPng, &kWebp, &kGif};

}  // namespace

Result<Image> decode_image(std::span<const std::byte> file, const ImageLimits& limits) {
  return decode_file<Image, ImageLimits>(kCodecs, file, limits, "picture",
                                         "JPEG, PNG, WebP nor GIF");
}

}  // namespace linnet
