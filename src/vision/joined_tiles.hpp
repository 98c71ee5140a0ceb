#pragma once

#include <span>
#include <vector>

#include "encoder/encoded_rows.hpp"
#include "vision/pixels.hpp"

namespace linnet {

/// Tiles that are one picture to a text model (Tiling::joins), on their way through an encoder.
class JoinedTiles {
 public:
  /// `pixels` have bars; tiles are `side` pixels wide, and `side` / `unit` rows become of each
  /// line.
  JoinedTiles(Pixels pixels, int side, int unit);

  /// The next one; there is one left.
  Pixels next() const { return tile_of(pixels_, side_, static_cast<int>(tiles_.size())); }
  /// What became of it.
  void add(EncodedRows rows) { tiles_.push_back(std::move(rows)); }
  bool is_complete() const { return std::ssize(tiles_) == grid_.area(); }
  /// The rows of all tiles line by line, without those of bars; behind each line comes `line_end`,
  /// of as many columns.
  EncodedRows join(std::span<const float> line_end) const;

 private:
  Pixels pixels_;
  int side_;
  Grid grid_;   // in tiles
  int across_;  // rows of a tile's line
  std::vector<EncodedRows> tiles_;
};

}  // namespace linnet
