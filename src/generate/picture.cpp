#include "generate/picture.hpp"

#include <fmt/format.h>

#include <limits>

#include "base/keyed_hash.hpp"
#include "vision/pixels.hpp"

namespace linnet {
namespace {

std::uint64_t hash_of(const Image& image, std::uint64_t number) {
  const std::string_view pixels(reinterpret_cast<const char*>(image.pixels.data()),
                                image.pixels.size());
  const std::uint64_t parts[] = {KeyedHash{}(pixels), number,
                                 static_cast<std::uint64_t>(image.width)};
  return KeyedHash{}({reinterpret_cast<const char*>(parts), sizeof parts});
}

}  // namespace

Picture make_picture(const VisionSpec& spec, std::int64_t vocabulary, const Image& image) {
  Picture picture;
  picture.image = resized_for(spec, image);
  picture.size = PictureSize{picture.image.width, picture.image.height} /
                 (spec.patch_side * spec.merge_side);
  const std::uint64_t free = std::numeric_limits<TokenId>::max() - vocabulary;
  const std::uint64_t first = hash_of(picture.image, 0);
  for (std::int64_t i = 0; i < rows_of(spec, picture.size); ++i) {
    const std::uint64_t parts[] = {first, static_cast<std::uint64_t>(i)};
    const std::uint64_t hash = KeyedHash{}({reinterpret_cast<const char*>(parts), sizeof parts});
    picture.ids.push_back(static_cast<TokenId>(vocabulary + hash % free));
  }
  picture.marker = fmt::format("<picture {:016x}{:016x}>", first, hash_of(picture.image, 1));
  return picture;
}

}  // namespace linnet
