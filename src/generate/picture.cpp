#include "generate/picture.hpp"

#include <fmt/format.h>

#include <limits>

#include "base/keyed_hash.hpp"
#include "vision/picture_pieces.hpp"

namespace linnet {
namespace {

std::string_view bytes_of(const auto& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof numbers[0]};
}

// Of several numbers.
std::uint64_t hash_of(std::initializer_list<std::uint64_t> numbers) {
  return KeyedHash{}(bytes_of(std::vector(numbers)));
}

// `count` ids beyond those of the vocabulary.
std::vector<TokenId> ids_of(std::uint64_t hash, std::int64_t count, std::int64_t vocabulary) {
  const std::uint64_t free = std::numeric_limits<TokenId>::max() - vocabulary;
  std::vector<TokenId> ids;
  ids.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    ids.push_back(
        static_cast<TokenId>(vocabulary + hash_of({hash, static_cast<std::uint64_t>(i)}) % free));
  }
  return ids;
}

}  // namespace

Picture make_picture(const VisionSpec& spec, std::int64_t vocabulary, const Image& image) {
  PicturePieces all = pieces_of(spec, image);
  Picture picture;
  std::vector<std::uint64_t> hashes;
  for (PicturePiece& piece : all.pieces) {
    const PictureSize size =
        PictureSize{piece.image.width, piece.image.height} / (spec.patch_side * spec.merge_side);
    hashes.push_back(hash_of({KeyedHash{}(bytes_of(piece.image.pixels)),
                              static_cast<std::uint64_t>(piece.image.width)}));
    picture.tokens.parts.push_back(
        {std::move(piece.before), ids_of(hashes.back(), rows_of(spec, size), vocabulary)});
    picture.pieces.push_back({std::move(piece.image), size});
  }
  picture.tokens.after = std::move(all.after);
  const std::uint64_t own = KeyedHash{}(bytes_of(hashes));
  picture.tokens.marker = fmt::format("<picture {:016x}{:016x}>", own, hash_of({own}));
  return picture;
}

std::vector<const MarkedTokens*> tokens_of(const Pictures& pictures) {
  std::vector<const MarkedTokens*> tokens;
  for (const auto& picture : pictures) tokens.push_back(&picture->tokens);
  return tokens;
}

}  // namespace linnet
