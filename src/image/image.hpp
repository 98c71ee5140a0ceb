#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace linnet {

/// Red, green, blue.
using Colour = std::array<std::uint8_t, 3>;

inline constexpr Colour kWhite = {255, 255, 255};

/// A picture without transparency: rows from the top, of each pixel red, green, blue; `pixels`
/// holds width * height * 3 bytes.
struct Image {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;

  bool operator==(const Image&) const = default;
};

/// All pixels of one colour. Both sizes are at least 0.
Image filled(int width, int height, Colour colour);

/// The part that begins at column `x` and row `y`; it lies within the image.
Image crop(const Image& image, int x, int y, int width, int height);

/// Replaces the pixels of `canvas` from column `x` and row `y` on by `image`, which fits there.
void paste(Image& canvas, const Image& image, int x, int y);

}  // namespace linnet
