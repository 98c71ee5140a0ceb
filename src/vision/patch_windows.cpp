#include "vision/patch_windows.hpp"

#include <algorithm>
#include <numeric>

#include "backend/kv_pages.hpp"

namespace linnet {

PatchOrder order_patches(PictureSize grid, int window_side) {
  const int side = window_side > 0 ? window_side : std::max(grid.width, grid.height);
  PatchOrder order;
  for (int top = 0; top < grid.height; top += side) {
    for (int left = 0; left < grid.width; left += side) {
      const std::size_t before = order.patches.size();
      for (int y = top; y < std::min(top + side, grid.height); ++y) {
        for (int x = left; x < std::min(left + side, grid.width); ++x) {
          order.patches.push_back(y * grid.width + x);
        }
      }
      order.windows.push_back(static_cast<std::int32_t>(order.patches.size() - before));
    }
  }
  return order;
}

RowLayout::RowLayout(std::vector<std::int32_t> lengths) : lengths_(std::move(lengths)) {
  std::vector<std::int64_t> counts;  // of pages
  for (std::size_t s = 0; s < lengths_.size(); ++s) {
    const auto rows = static_cast<std::size_t>(lengths_[s]);
    sequences_.insert(sequences_.end(), rows, static_cast<std::int32_t>(s));
    const std::size_t before = positions_.size();
    positions_.resize(before + rows);
    std::iota(positions_.begin() + static_cast<std::ptrdiff_t>(before), positions_.end(), 0);
    counts.push_back(pages_for(lengths_[s]));
  }
  pages_.resize(static_cast<std::size_t>(std::accumulate(counts.begin(), counts.end(), 0LL)));
  std::iota(pages_.begin(), pages_.end(), 0);
  std::int64_t first = 0;
  for (const std::int64_t count : counts) {
    page_tables_.push_back(std::span<const std::int32_t>(pages_).subspan(first, count));
    first += count;
  }
}

}  // namespace linnet
