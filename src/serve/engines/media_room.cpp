#include "serve/engines/media_room.hpp"

#include <utility>

namespace linnet::serve {
namespace {

std::int64_t bytes_of(const Image& picture) { return std::ssize(picture.pixels); }

std::int64_t bytes_of(const SoundChunk& chunk) {
  return std::ssize(chunk.frames.values) * std::int64_t{sizeof(float)};
}

std::int64_t bytes_of(const Medium& medium) {
  std::int64_t bytes = 0;
  for (const Medium::Piece& piece : medium.pieces) {
    bytes += std::visit([](const auto& content) { return bytes_of(content); }, piece.content);
  }
  for (const MarkedTokens::Part& part : medium.tokens.parts) {
    bytes += std::ssize(part.ids) * std::int64_t{sizeof(TokenId)};
  }
  return bytes;
}

// What a request takes.
struct Share {
  const std::shared_ptr<std::atomic<std::int64_t>> held_bytes;
  const std::int64_t bytes;
  const std::int64_t of_others;

  Share(std::shared_ptr<std::atomic<std::int64_t>> held, std::int64_t own)
      : held_bytes(std::move(held)), bytes(own), of_others(held_bytes->fetch_add(own)) {}
  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;
  ~Share() { *held_bytes -= bytes; }
};

using MediumWithShare = std::pair<std::shared_ptr<const Medium>, std::shared_ptr<const Share>>;

}  // namespace

bool MediaRoom::hold(Media& media) {
  if (media.empty()) return true;
  std::int64_t bytes = 0;
  for (const auto& medium : media) bytes += bytes_of(*medium);
  const auto share = std::make_shared<const Share>(held_bytes_, bytes);
  if (share->of_others > 0 && share->of_others + bytes > most_bytes_) return false;
  for (auto& medium : media) {
    const auto both = std::make_shared<const MediumWithShare>(medium, share);
    medium = {both, medium.get()};
  }
  return true;
}

}  // namespace linnet::serve
