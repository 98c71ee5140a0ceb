#include "vision/patch_windows.hpp"

#include <algorithm>

namespace linnet {

PatchOrder order_patches(Grid grid, int window_side) {
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

}  // namespace linnet
