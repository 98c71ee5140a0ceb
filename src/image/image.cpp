#include "image/image.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>

namespace linnet {
namespace {

// Where the pixel lies among the bytes.
std::ptrdiff_t offset(const Image& image, int x, int y) {
  return (std::ptrdiff_t{y} * image.width + x) * 3;
}

}  // namespace

Image filled(int width, int height, Colour colour) {
  assert(width >= 0 && height >= 0);
  Image image{width, height, std::vector<std::uint8_t>(std::size_t{3} * width * height)};
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = colour[i % 3];
  return image;
}

Image crop(const Image& image, int x, int y, int width, int height) {
  assert(x >= 0 && width >= 0 && width <= image.width - x);
  assert(y >= 0 && height >= 0 && height <= image.height - y);
  Image part{width, height, std::vector<std::uint8_t>(std::size_t{3} * width * height)};
  for (int row = 0; row < height; ++row) {
    std::copy_n(image.pixels.begin() + offset(image, x, y + row), width * std::ptrdiff_t{3},
                part.pixels.begin() + offset(part, 0, row));
  }
  return part;
}

void paste(Image& canvas, const Image& image, int x, int y) {
  assert(x >= 0 && image.width <= canvas.width - x);
  assert(y >= 0 && image.height <= canvas.height - y);
  for (int row = 0; row < image.height; ++row) {
    std::copy_n(image.pixels.begin() + offset(image, 0, row), image.width * std::ptrdiff_t{3},
                canvas.pixels.begin() + offset(canvas, x, y + row));
  }
}

}  // namespace linnet
