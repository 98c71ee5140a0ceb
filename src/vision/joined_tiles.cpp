#include "vision/joined_tiles.hpp"

#include <utility>

namespace linnet {

JoinedTiles::JoinedTiles(Pixels pixels, int side, int unit)
    : pixels_(std::move(pixels)), side_(side), grid_(pixels_.size / side), across_(side / unit) {}

EncodedRows JoinedTiles::join(std::span<const float> line_end) const {
  const auto columns = static_cast<std::ptrdiff_t>(line_end.size());
  const Grid bars = pixels_.bars.value_or(Grid{0, 0});
  EncodedRows all;
  all.values.reserve(
      static_cast<std::size_t>(grid_.height * across_ * (grid_.width * across_ + 1) * columns));
  const auto add = [&](const float* row) {
    all.values.insert(all.values.end(), row, row + columns);
    ++all.rows;
  };
  for (int y = bars.height; y < grid_.height * across_ - bars.height; ++y) {
    for (int x = bars.width; x < grid_.width * across_ - bars.width; ++x) {
      const EncodedRows& tile = tiles_[y / across_ * grid_.width + x / across_];
      add(tile.values.data() + (y % across_ * across_ + x % across_) * columns);
    }
    add(line_end.data());
  }
  return all;
}

}  // namespace linnet
