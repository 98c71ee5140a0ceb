#include "generate/media/medium.hpp"

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

// 0 of a picture that is not joined.
std::uint64_t hash_of(const Bars& bars) {
  if (!bars) return 0;
  return hash_of(
      {static_cast<std::uint64_t>(bars->width), static_cast<std::uint64_t>(bars->height)});
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

// What stands for a medium with such pieces.
std::string marker_of(std::string_view kind, const std::vector<std::uint64_t>& hashes) {
  const std::uint64_t own = KeyedHash{}(bytes_of(hashes));
  return fmt::format("<{} {:016x}{:016x}>", kind, own, hash_of({own}));
}

}  // namespace

Medium make_picture(const VisionSpec& spec, std::int64_t vocabulary, const Image& image) {
  PicturePieces all = pieces_of(spec, image);
  Medium picture;
  std::vector<std::uint64_t> hashes;
  for (PicturePiece& piece : all.pieces) {
    const Grid size =
        PictureSize{piece.image.width, piece.image.height} / (spec.patch_side * spec.merge_side);
    hashes.push_back(hash_of({KeyedHash{}(bytes_of(piece.image.pixels)),
                              static_cast<std::uint64_t>(piece.image.width), hash_of(piece.bars)}));
    picture.tokens.parts.push_back(
        {std::move(piece.before),
         ids_of(hashes.back(), rows_of(spec, size, piece.bars), vocabulary)});
    picture.pieces.push_back({.content = std::move(piece.image),
                              .size = size,
                              .bars = piece.bars,
                              .see_each_other = spec.see_each_other,
                              .row_places = spec.row_places});
  }
  picture.tokens.after = std::move(all.after);
  picture.tokens.marker = marker_of("picture", hashes);
  return picture;
}

Medium make_sound(const HearingSpec& spec, std::int64_t vocabulary, const Sound& sound) {
  Medium medium;
  std::vector<std::uint64_t> hashes;
  for (SoundChunk& chunk : chunks_of(spec, sound)) {
    const std::int64_t rows = text_rows_of(spec, chunk.tower_rows);
    hashes.push_back(hash_of({KeyedHash{}(bytes_of(chunk.frames.values)),
                              static_cast<std::uint64_t>(chunk.tower_rows)}));
    medium.tokens.parts.push_back({"", ids_of(hashes.back(), rows, vocabulary)});
    medium.pieces.push_back({.content = std::move(chunk)});
  }
  medium.tokens.parts.front().before = spec.before;
  medium.tokens.after = spec.after;
  medium.tokens.marker = marker_of("sound", hashes);
  return medium;
}

std::vector<const MarkedTokens*> tokens_of(const Media& media) {
  std::vector<const MarkedTokens*> tokens;
  for (const auto& medium : media) tokens.push_back(&medium->tokens);
  return tokens;
}

}  // namespace linnet
