// Any bytes as a picture: a sentence, or a picture that is no larger than allowed and can be
// resized.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "image/decode.hpp"
#include "image/resize.hpp"
#include "require.hpp"

namespace linnet {
namespace {

constexpr ImageLimits kLimits = {.most_pixels = 1 << 16};

using fuzz::require;

std::uint32_t crc32(const std::uint8_t* bytes, std::size_t size) {
  std::uint32_t crc = ~std::uint32_t{0};
  for (std::size_t i = 0; i < size; ++i) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc;
}

// Makes the checksums of a PNG those of its chunks, or nearly no change would get behind them.
void mend_checksums(std::vector<std::uint8_t>& file) {
  constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n";
  if (file.size() < 8 || std::memcmp(file.data(), kSignature.data(), 8) != 0) return;
  const auto number = [&](std::size_t at) {
    return std::size_t{file[at]} << 24 | file[at + 1] << 16 | file[at + 2] << 8 | file[at + 3];
  };
  for (std::size_t at = 8; at + 12 <= file.size();) {
    const std::size_t size = number(at);
    if (size > file.size() - at - 12) return;
    const std::uint32_t crc = crc32(&file[at + 4], size + 4);
    for (int i = 0; i < 4; ++i)
      file[at + 8 + size + i] = static_cast<std::uint8_t>(crc >> (24 - 8 * i));
    at += size + 12;
  }
}

}  // namespace
}  // namespace linnet

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace linnet;
  std::vector<std::uint8_t> file(data, data + size);
  mend_checksums(file);
  const auto image = decode_image(std::as_bytes(std::span(file)), kLimits);
  if (!image) {
    require(image.error().message.find(": ") != std::string::npos);
    return 0;
  }
  require(image->width > 0 && image->height > 0);
  const std::int64_t pixels = std::int64_t{image->width} * image->height;
  require(pixels <= kLimits.most_pixels);
  require(std::ssize(image->pixels) == pixels * 3);
  const auto resampling = static_cast<Resampling>(size % 3);
  const int width = 1 + static_cast<int>(size / 3 % 40),
            height = 1 + static_cast<int>(size / 120 % 40);
  require(std::ssize(resize(*image, width, height, resampling).pixels) == width * height * 3);
  return 0;
}
