#pragma once

#include "model/blocks/elementwise.hpp"
#include "model/given_rows.hpp"

namespace linnet {

/// The first row of `x`, to which all others are added, halves of them at once.
inline View sum_of_rows(Backend& backend, View x) {
  for (std::int64_t rows = x.rows, half = 0; rows > 1; rows -= half) {
    half = rows / 2;
    add(backend, some_rows(x, rows - half, half), x.first_rows(half));
  }
  return x.first_rows(1);
}

}  // namespace linnet
