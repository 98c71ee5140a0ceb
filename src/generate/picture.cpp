#include "generate/picture.hpp"

#include <fmt/format.h>

#include <limits>

#include "base/keyed_hash.hpp"
#include "vision/pixels.hpp"

namespace linnet {
namespace {

std::string_view bytes_of(const auto& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof numbers[0]};
}

// Of several numbers.
std::uint64_t hash_of(std::initializer_list<std::uint64_t> numbers) {
  return KeyedHash{}(bytes_of(std::vector(numbers)));
}

}  // namespace

Picture make_picture(const VisionSpec& spec, std::int64_t vocabulary, const Image& image) {
  Picture picture;
  picture.image = resized_for(spec, image);
  picture.size =
      PictureSize{picture.image.width, picture.image.height} / (spec.patch_side * spec.merge_side);
  const std::uint64_t free = std::numeric_limits<TokenId>::max() - vocabulary;
  const std::uint64_t pixels = KeyedHash{}(bytes_of(picture.image.pixels));
  const std::uint64_t own = hash_of({pixels, static_cast<std::uint64_t>(picture.image.width)});
  for (std::int64_t i = 0; i < rows_of(spec, picture.size); ++i) {
    const std::uint64_t hash = hash_of({own, static_cast<std::uint64_t>(i)});
    picture.tokens.ids.push_back(static_cast<TokenId>(vocabulary + hash % free));
  }
  picture.tokens.marker = fmt::format("<picture {:016x}{:016x}>", own, hash_of({own}));
  picture.tokens.before = spec.before;
  picture.tokens.after = spec.after;
  return picture;
}

std::vector<const MarkedTokens*> tokens_of(const Pictures& pictures) {
  std::vector<const MarkedTokens*> tokens;
  for (const auto& picture : pictures) tokens.push_back(&picture->tokens);
  return tokens;
}

}  // namespace linnet
