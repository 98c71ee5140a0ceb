#include "image/decode.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "base/guarded.hpp"
#include "image/codecs/codec.hpp"

namespace linnet {
namespace {

constexpr const Codec* kCodecs[] = {&kJpeg, &kPng, &kWebp, &kGif};

std::string first_bytes(std::span<const std::byte> file) {
  std::string bytes;
  for (const std::byte byte : file.first(std::min<std::size_t>(file.size(), 4))) {
    bytes += fmt::format("{}{:02x}", bytes.empty() ? "" : " ", std::to_integer<int>(byte));
  }
  return bytes;
}

}  // namespace

Result<Image> decode_image(std::span<const std::byte> file, const ImageLimits& limits) {
  if (file.empty()) return Error{"picture: is empty"};
  for (const Codec* codec : kCodecs) {
    if (!codec->recognises(file)) continue;
    auto image = guarded([&] { return codec->decode(file, limits); });
    if (!image) return Error{fmt::format("{}: {}", codec->name, image.error().message)};
    return image;
  }
  return Error{fmt::format("picture: is neither JPEG, PNG, WebP nor GIF (it begins with {})",
                           first_bytes(file))};
}

}  // namespace linnet
