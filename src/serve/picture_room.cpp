#include "serve/picture_room.hpp"

#include <utility>

namespace linnet::serve {
namespace {

std::int64_t bytes_of(const Picture& picture) {
  std::int64_t bytes = 0;
  for (const Picture::Piece& piece : picture.pieces) bytes += std::ssize(piece.image.pixels);
  for (const MarkedTokens::Part& part : picture.tokens.parts) {
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

using PictureWithShare = std::pair<std::shared_ptr<const Picture>, std::shared_ptr<const Share>>;

}  // namespace

bool PictureRoom::hold(Pictures& pictures) {
  if (pictures.empty()) return true;
  std::int64_t bytes = 0;
  for (const auto& picture : pictures) bytes += bytes_of(*picture);
  const auto share = std::make_shared<const Share>(held_bytes_, bytes);
  if (share->of_others > 0 && share->of_others + bytes > most_bytes_) return false;
  for (auto& picture : pictures) {
    const auto both = std::make_shared<const PictureWithShare>(picture, share);
    picture = {both, picture.get()};
  }
  return true;
}

}  // namespace linnet::serve
