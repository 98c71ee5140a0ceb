#include "image/codecs/codec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/checked.hpp"
#include "base/printable.hpp"

namespace linnet {

bool begins_with(std::span<const std::byte> file, std::string_view bytes) {
  return file.size() >= bytes.size() && std::memcmp(file.data(), bytes.data(), bytes.size()) == 0;
}

Status check_size(std::int64_t width, std::int64_t height, const ImageLimits& limits) {
  if (width <= 0 || height <= 0) {
    return Error{fmt::format("has no pixels, its size is {} x {}", width, height)};
  }
  if (saturating_multiply(width, height) > limits.most_pixels) {
    return Error{fmt::format("has {} x {} pixels, which is more than the {} that are allowed",
                             width, height, limits.most_pixels)};
  }
  return {};
}

Error cut_short(std::span<const std::byte> file) {
  return Error{fmt::format("is cut short after {} bytes", file.size())};
}

Error damaged(std::string_view why) {
  return Error{fmt::format("cannot be decoded: {}", printable(why))};
}

void lay_over_white(std::vector<std::uint8_t>& pixels) {
  const std::size_t count = pixels.size() / 4;
  for (std::size_t i = 0; i < count; ++i) {
    const int opacity = pixels[4 * i + 3];
    for (std::size_t c = 0; c < 3; ++c) {  // reads before it writes: the result is shorter
      const int sum = pixels[4 * i + c] * opacity + 255 * (255 - opacity);
      pixels[3 * i + c] = static_cast<std::uint8_t>((sum + 127) / 255);
    }
  }
  pixels.resize(count * 3);
}

}  // namespace linnet
