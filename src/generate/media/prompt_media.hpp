#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "generate/media/medium.hpp"
#include "model/given_rows.hpp"
#include "vision/vision_model.hpp"

namespace linnet {

/// Time, height and width of a row, for multi-section rope (https://arxiv.org/abs/2409.12191), and
/// what a fourth section turns by; of text all are the position. Of RowPlaces::kLines they are
/// time, width, height and the number of the picture.
using Place = std::array<std::int32_t, 4>;

/// The pictures and sounds of one sequence: where they stand, and their rows while they are needed.
class PromptMedia {
 public:
  PromptMedia() = default;
  /// check_media() has found nothing wrong with `prompt`.
  PromptMedia(std::span<const TokenId> prompt, const Media& media);

  bool empty() const { return pieces_.empty(); }
  /// The first piece that ends after token `from`, if it has no rows yet: one at a time, so that a
  /// prompt's media are not all in memory at once.
  std::optional<std::size_t> next_without_rows(std::int64_t from) const;
  const Medium::Piece& piece(std::size_t index) const { return pieces_[index].piece(); }
  void give_rows(std::size_t piece, EncodedRows rows) { pieces_[piece].rows = std::move(rows); }
  /// How many of the tokens [from, from + count) can be computed now: all media rows among them are
  /// encoded, and no medium that must come whole is cut. 0 or less: none, because the first medium
  /// needs more rows than `count`.
  std::int64_t rows_ready(std::int64_t from, std::int64_t count) const;
  /// The rows of tokens [from, from + count), which are ready, that belong to media, as runs of
  /// a batch in which token `from` is row `first_row`. They hold until drop_rows().
  std::vector<GivenRows> given(std::int64_t from, std::int64_t count, std::int64_t first_row) const;
  /// Forgets the rows of media that end before token `before`.
  void drop_rows(std::int64_t before);
  /// Whether rows of pictures have places by height and width, and those after them others than
  /// their positions.
  bool has_places() const;
  /// The place of a token of the sequence; a sound is like text.
  Place place(std::int64_t token) const;

 private:
  struct PlacedPiece {
    std::int64_t first;  // token
    std::shared_ptr<const Medium> medium;
    std::size_t index;    // of the piece
    std::int32_t time;    // of its first row
    std::int32_t number;  // of pictures before it, and of their pieces
    std::optional<EncodedRows> rows = {};

    const Medium::Piece& piece() const { return medium->pieces[index]; }
    std::int64_t end() const { return first + std::ssize(medium->tokens.parts[index].ids); }
    std::int32_t time_behind() const;
    Place place(std::int32_t row) const;
  };

  std::vector<PlacedPiece> pieces_;
};

/// An Error if `prompt` has an id that is neither one of the vocabulary nor of a medium that is
/// there from its first to its last row.
Status check_media(std::span<const TokenId> prompt, std::int64_t vocabulary, const Media& media);

}  // namespace linnet
