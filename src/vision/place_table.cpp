#include "vision/place_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace linnet {

PlaceTableValues::PlaceTableValues(WeightLoader& loader, const VisionSpec& spec)
    : kind_(spec.places), width_(spec.tower.width), first_(spec.class_token ? 1 : 0) {
  if (kind_ == PlaceTable::kNone) return;
  const std::int64_t all = loader.rows("v.position_embd");
  values_ = loader.values("v.position_embd.weight", width_ * std::max<std::int64_t>(1, all));
  rows_ = all - first_;
  side_ = static_cast<int>(
      std::lround(std::sqrt(static_cast<double>(std::max<std::int64_t>(0, rows_)))));
  if (rows_ < 1 || std::int64_t{side_} * side_ != rows_) {
    loader.fail(fmt::format("tensor v.position_embd.weight has {} rows, expected a square number{}",
                            all, first_ > 0 ? " and one" : ""));
  }
  const int expected = spec.sizing.fixed_side / spec.patch_side;
  if (kind_ == PlaceTable::kGrid && side_ != expected) {
    loader.fail(
        fmt::format("tensor v.position_embd.weight has places of {} x {} patches, expected "
                    "{} x {}",
                    side_, side_, expected, expected));
  }
}

std::vector<float> PlaceTableValues::of(PictureSize grid,
                                        std::span<const std::int32_t> patches) const {
  std::vector<float> result(patches.size() * width_);
  for (std::size_t i = 0; i < patches.size(); ++i) {
    const std::span<float> to = std::span(result).subspan(i * width_, width_);
    if (kind_ == PlaceTable::kBilinear) {
      add_bilinear(grid, patches[i] % grid.width, patches[i] / grid.width, to);
    } else {
      add(first_ + patches[i], 1.0f, to);
    }
  }
  return result;
}

void PlaceTableValues::add(std::int64_t i, float weight, std::span<float> to) const {
  const std::span<const float> from = row(i);
  for (std::size_t c = 0; c < to.size(); ++c) to[c] += weight * from[c];
}

// The corners of the picture are those of the table.
void PlaceTableValues::add_bilinear(PictureSize grid, int x, int y, std::span<float> to) const {
  const auto place = [&](int i, int count) {
    return count > 1 ? static_cast<float>(i) * static_cast<float>(side_ - 1) /
                           static_cast<float>(count - 1)
                     : 0.0f;
  };
  const float at_x = place(x, grid.width), at_y = place(y, grid.height);
  const int left = static_cast<int>(at_x), top = static_cast<int>(at_y);
  const int right = std::min(left + 1, side_ - 1), bottom = std::min(top + 1, side_ - 1);
  const float dx = at_x - static_cast<float>(left), dy = at_y - static_cast<float>(top);
  const auto index = [&](int row, int column) {
    return first_ + std::int64_t{row} * side_ + column;
  };
  add(index(top, left), (1.0f - dx) * (1.0f - dy), to);
  add(index(top, right), dx * (1.0f - dy), to);
  add(index(bottom, left), (1.0f - dx) * dy, to);
  add(index(bottom, right), dx * dy, to);
}

}  // namespace linnet
