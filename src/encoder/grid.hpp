#pragma once

#include <cstdint>

namespace linnet {

/// How many patches of a picture, or tiles, or rows of a sound there are each way.
struct Grid {
  int width = 0;
  int height = 0;

  std::int64_t area() const { return std::int64_t{width} * height; }
  Grid operator/(int side) const { return {width / side, height / side}; }
  bool operator==(const Grid&) const = default;
};

}  // namespace linnet
