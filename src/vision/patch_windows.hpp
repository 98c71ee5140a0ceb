#pragma once

#include <cstdint>
#include <vector>

#include "encoder/grid.hpp"

namespace linnet {

/// The patches of a picture in the order of a tower's rows, and the windows that they form.
struct PatchOrder {
  /// The patch (by rows from the top) of each row of the tower.
  std::vector<std::int32_t> patches;
  /// Rows of each window, which follow one another.
  std::vector<std::int32_t> windows;
};

/// `grid` is in patches. `window_side` patches are the side of a window, those at the right and at
/// the bottom may be smaller; 0: all patches are one.
PatchOrder order_patches(Grid grid, int window_side);

}  // namespace linnet
