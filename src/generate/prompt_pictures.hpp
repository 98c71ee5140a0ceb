#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "generate/picture.hpp"
#include "model/given_rows.hpp"
#include "vision/vision_model.hpp"

namespace linnet {

/// Time, height and width of a row, for multi-section rope (https://arxiv.org/abs/2409.12191).
using Place = std::array<std::int32_t, 3>;

/// The pictures of one sequence: where they stand, and their rows while they are needed.
class PromptPictures {
 public:
  PromptPictures() = default;
  /// check_pictures() has found nothing wrong with `prompt`. `spec` must outlive the object.
  PromptPictures(const VisionSpec& spec, std::span<const TokenId> prompt, const Pictures& pictures);

  bool empty() const { return pieces_.empty(); }
  /// The first piece that ends behind token `from`, if it has no rows yet: one at a time, so that a
  /// prompt's pictures are not all in memory at once.
  std::optional<std::size_t> next_without_rows(std::int64_t from) const;
  const Image& image(std::size_t piece) const { return pieces_[piece].piece().image; }
  void give_rows(std::size_t piece, EncodedRows rows) { pieces_[piece].rows = std::move(rows); }
  /// The sequence's tokens [from, from + count), or fewer: the rows of all pictures are there, and
  /// none that must come whole is begun and not ended. Less than one where the first one can't come
  /// in so many rows.
  std::int64_t rows_ready(std::int64_t from, std::int64_t count) const;
  /// The rows of tokens [from, from + count), which are ready, that belong to pictures, as runs of
  /// a batch in which token `from` is row `first_row`. They hold until drop_rows().
  std::vector<GivenRows> given(std::int64_t from, std::int64_t count, std::int64_t first_row) const;
  /// Forgets the rows of pictures that end before token `before`.
  void drop_rows(std::int64_t before);
  bool has_places() const { return !pieces_.empty() && spec_->has_places; }
  /// Of a token of the sequence. Behind a picture time goes on from its longer side.
  Place place(std::int64_t token) const;

 private:
  struct PlacedPiece {
    std::int64_t first;  // token
    std::shared_ptr<const Picture> picture;
    std::size_t index;  // of the piece
    std::int32_t time;  // of its rows
    std::optional<EncodedRows> rows = {};

    const Picture::Piece& piece() const { return picture->pieces[index]; }
    std::int64_t end() const { return first + std::ssize(picture->tokens.parts[index].ids); }
    std::int32_t time_behind() const;
  };

  const VisionSpec* spec_ = nullptr;
  std::vector<PlacedPiece> pieces_;
};

/// An Error where `prompt` has an id that is neither one of the vocabulary nor of a picture that is
/// there from its first to its last row.
Status check_pictures(std::span<const TokenId> prompt, std::int64_t vocabulary,
                      const Pictures& pictures);

}  // namespace linnet
