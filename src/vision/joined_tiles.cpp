#include "vision/joined_tiles.hpp"

#include <algorithm>
#include <utility>

namespace linnet {

JoinedTiles::JoinedTiles(Pixels pixels, int side, int unit)
    : pixels_(std::move(pixels)), side_(side), tiles_(pixels_.size / side), across_(side / unit) {}

void JoinedTiles::add(std::span<const float> rows) {
  const std::int64_t line = std::ssize(rows) / across_, whole_line = line * tiles_.width;
  rows_.resize(static_cast<std::size_t>(grid().height * whole_line));
  const std::int64_t top = added_ / tiles_.width * across_, left = added_ % tiles_.width * line;
  for (std::int64_t y = 0; y < across_; ++y) {
    std::copy_n(rows.data() + y * line, line, rows_.data() + (top + y) * whole_line + left);
  }
  ++added_;
}

EncodedRows JoinedTiles::with_line_ends(std::span<const float> line_end) const {
  const auto columns = std::ssize(line_end);
  const Grid all = grid(), bars = pixels_.bars.value_or(Grid{0, 0});
  const std::int64_t lines = all.height - 2 * bars.height, line = all.width - 2 * bars.width;
  EncodedRows result{lines * (line + 1), {}};
  result.values.reserve(static_cast<std::size_t>(result.rows * columns));
  for (std::int64_t y = bars.height; y < bars.height + lines; ++y) {
    const float* const first = rows_.data() + (y * all.width + bars.width) * columns;
    result.values.insert(result.values.end(), first, first + line * columns);
    result.values.insert(result.values.end(), line_end.begin(), line_end.end());
  }
  return result;
}

}  // namespace linnet
