#include "image/codecs/orientation.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

#include "image/codecs/codec.hpp"

namespace linnet {
namespace {

using namespace std::string_view_literals;

// The numbers of TIFF; those outside of the data are 0.
class Tiff {
 public:
  explicit Tiff(std::span<const std::byte> data)
      : data_(data), big_endian_(begins_with(data, "MM"sv)) {}

  std::uint32_t number(std::size_t at, std::size_t bytes) const {
    if (at > data_.size() || bytes > data_.size() - at) return 0;
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
      const std::size_t place = big_endian_ ? at + i : at + bytes - 1 - i;
      number = number << 8 | std::to_integer<std::uint32_t>(data_[place]);
    }
    return number;
  }

 private:
  std::span<const std::byte> data_;
  bool big_endian_;
};

bool is_one_of(int orientation, std::initializer_list<int> these) {
  return std::find(these.begin(), these.end(), orientation) != these.end();
}

}  // namespace

int exif_orientation(std::span<const std::byte> exif) {
  constexpr auto kName = "Exif\0\0"sv;
  constexpr std::uint32_t kOrientation = 0x112, kShort = 3;
  if (begins_with(exif, kName)) exif = exif.subspan(kName.size());
  const Tiff tiff(exif);
  std::size_t entry = tiff.number(4, 4);
  std::uint32_t entries = tiff.number(entry, 2);
  for (entry += 2; entries > 0; --entries, entry += 12) {
    if (tiff.number(entry, 2) != kOrientation || tiff.number(entry + 2, 2) != kShort) continue;
    const auto orientation = static_cast<int>(tiff.number(entry + 8, 2));
    return orientation >= 1 && orientation <= 8 ? orientation : kUpright;
  }
  return kUpright;
}

Image turned(Image image, int orientation) {
  if (orientation == kUpright) return image;
  const bool transposed = orientation >= 5;
  const bool from_right = is_one_of(orientation, {2, 3, 7, 8});
  const bool from_bottom = is_one_of(orientation, {3, 4, 6, 7});
  Image result{image.width, image.height, std::vector<std::uint8_t>(image.pixels.size())};
  if (transposed) std::swap(result.width, result.height);
  auto* to = result.pixels.data();
  for (int y = 0; y < result.height; ++y) {
    for (int x = 0; x < result.width; ++x, to += 3) {
      const int column = transposed ? y : x, row = transposed ? x : y;
      const std::size_t from_x = from_right ? image.width - 1 - column : column;
      const std::size_t from_y = from_bottom ? image.height - 1 - row : row;
      std::copy_n(&image.pixels[(from_y * image.width + from_x) * 3], 3, to);
    }
  }
  return result;
}

}  // namespace linnet
