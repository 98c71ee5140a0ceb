#pragma once

#include <cstdint>
#include <vector>

#include "backend/memory.hpp"
#include "vision/picture_size.hpp"

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
PatchOrder order_patches(PictureSize grid, int window_side);

/// How the rows of a batch stand where each sequence has its rows side by side and pages of its
/// own.
class RowLayout {
 public:
  /// `lengths`: rows of each sequence.
  explicit RowLayout(std::vector<std::int32_t> lengths);

  /// Lives as long as the object.
  BatchLayout layout() const { return {positions_, sequences_, page_tables_, lengths_}; }
  std::int64_t pages() const { return std::ssize(pages_); }

 private:
  std::vector<std::int32_t> lengths_, positions_, sequences_, pages_;
  std::vector<std::span<const std::int32_t>> page_tables_;
};

}  // namespace linnet
