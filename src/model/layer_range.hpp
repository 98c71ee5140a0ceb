#pragma once

#include <limits>

namespace linnet {

/// Layers [first, end) of a model, all by default.
struct LayerRange {
  int first = 0;
  int end = std::numeric_limits<int>::max();

  bool holds(int layer) const { return layer >= first && layer < end; }
};

}  // namespace linnet
