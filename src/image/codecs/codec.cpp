#include "image/codecs/codec.hpp"

#include <fmt/format.h>

#include "base/checked.hpp"

namespace linnet {

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
