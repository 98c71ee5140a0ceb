#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "backend/backend.hpp"

namespace linnet::cuda {

/// Whether some float may be one of both: never false where it is. Columns side by side of the same
/// rows are apart.
inline bool overlap(View a, View b) {
  if (a.rows * a.columns == 0 || b.rows * b.columns == 0) return false;
  if (std::less<>()(b.data, a.data)) std::swap(a, b);
  const std::int64_t distance = b.data - a.data;
  if (distance >= (a.rows - 1) * a.stride + a.columns) return false;
  if (a.stride != b.stride || a.stride == 0) return true;
  const std::int64_t column = distance % a.stride;
  return column < a.columns || column + b.columns > a.stride;
}

}  // namespace linnet::cuda
