#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "encoder/encoded_rows.hpp"
#include "vision/pixels.hpp"

namespace linnet {

/// Tiles that are one picture, to the projector (Tiling::joins_rows) or to a text model
/// (Tiling::joins), on their way through what comes before it.
class JoinedTiles {
 public:
  /// Tiles are `side` pixels wide and high, of which each `unit` x `unit` become a row.
  JoinedTiles(Pixels pixels, int side, int unit);

  /// The next one; there is one left.
  Pixels next() const { return tile_of(pixels_, side_, static_cast<int>(added_)); }
  /// What became of it, by rows from the top.
  void add(std::span<const float> rows);
  bool is_complete() const { return added_ == tiles_.area(); }

  Grid grid() const { return {tiles_.width * across_, tiles_.height * across_}; }  ///< in rows
  /// All of them line by line through the whole picture, [grid().area(), columns].
  std::span<const float> rows() const { return rows_; }
  /// The same without those of bars; after each line comes `line_end`, of as many columns.
  EncodedRows with_line_ends(std::span<const float> line_end) const;

 private:
  Pixels pixels_;
  int side_;
  Grid tiles_;
  int across_;  // rows of a tile's line
  std::int64_t added_ = 0;
  std::vector<float> rows_;
};

}  // namespace linnet
