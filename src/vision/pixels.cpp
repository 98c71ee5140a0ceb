#include "vision/pixels.hpp"

#include <algorithm>
#include <cmath>

#include "image/resize.hpp"

namespace linnet {

Image resized_with_bars(const Image& image, PictureSize size, Colour bars, Resampling resampling) {
  const auto ratio = [](int to, int from) {
    return static_cast<float>(to) / static_cast<float>(from);
  };
  const float factor = std::min(ratio(size.width, image.width), ratio(size.height, image.height));
  const auto scaled = [&](int length, int most) {
    return std::clamp(static_cast<int>(std::ceil(static_cast<float>(length) * factor)), 1, most);
  };
  const int width = scaled(image.width, size.width), height = scaled(image.height, size.height);
  Image result = filled(size.width, size.height, bars);
  paste(result, resize(image, width, height, resampling), (size.width - width) / 2,
        (size.height - height) / 2);
  return result;
}

Image padded_with_bars(const Image& image, PictureSize size, Colour bars, Resampling resampling) {
  const auto nearest = [](double length) { return static_cast<int>(std::nearbyint(length)); };
  const double shape = static_cast<double>(image.width) / image.height;
  int width = size.width, height = size.height;
  if (shape * size.height > size.width) {
    height = std::max(1, nearest(size.width / shape));
  } else {
    width = std::max(1, nearest(shape * size.height));
  }
  Image result = filled(size.width, size.height, bars);
  paste(result, resize(image, width, height, resampling), nearest((size.width - width) / 2.0),
        nearest((size.height - height) / 2.0));
  return result;
}

Image padded_to(Image image, PictureSize size) {
  if (size == PictureSize{image.width, image.height}) return image;
  Image result = filled(size.width, size.height, kBlack);
  paste(result, image, 0, 0);
  return result;
}

Image resized_for(const VisionSpec& spec, const Image& image) {
  const PictureSize size = target_size(spec, {image.width, image.height});
  if (const auto& bars = spec.sizing.bars) {
    const auto with_bars = spec.sizing.rounds_to_nearest ? padded_with_bars : resized_with_bars;
    return with_bars(image, size, *bars, spec.sizing.resampling);
  }
  const PictureSize inner = filled_size(spec, {image.width, image.height});
  return padded_to(resize(image, inner.width, inner.height, spec.sizing.resampling), size);
}

Pixels pixels_of(const VisionSpec& spec, const Image& resized) {
  Pixels pixels{{resized.width, resized.height}, {}};
  pixels.values.reserve(resized.pixels.size());
  for (std::size_t i = 0; i < resized.pixels.size(); ++i) {
    const float colour = static_cast<float>(resized.pixels[i]) / 255.0f;
    pixels.values.push_back((colour - spec.mean[i % 3]) / spec.deviation[i % 3]);
  }
  return pixels;
}

Pixels tile_of(const Pixels& picture, int side, int index) {
  const int across = picture.size.width / side;
  const std::int64_t left = std::int64_t{index % across} * side;
  const std::int64_t top = std::int64_t{index / across} * side;
  Pixels tile{{side, side}, {}};
  for (std::int64_t y = top; y < top + side; ++y) {
    const float* const line = picture.values.data() + 3 * (y * picture.size.width + left);
    tile.values.insert(tile.values.end(), line, line + std::int64_t{3} * side);
  }
  return tile;
}

std::vector<float> patches_of(const Pixels& pixels, int patch_side,
                              std::span<const std::int32_t> order) {
  const int across = pixels.size.width / patch_side;
  std::vector<float> patches;
  patches.reserve(order.size() * 3 * patch_side * patch_side);
  for (const std::int32_t patch : order) {
    const std::int64_t top = std::int64_t{patch / across} * patch_side;
    const std::int64_t left = std::int64_t{patch % across} * patch_side;
    for (int colour = 0; colour < 3; ++colour) {
      for (std::int64_t y = top; y < top + patch_side; ++y) {
        for (std::int64_t x = left; x < left + patch_side; ++x) {
          patches.push_back(pixels.values[(y * pixels.size.width + x) * 3 + colour]);
        }
      }
    }
  }
  return patches;
}

}  // namespace linnet
