#pragma once

#include <cstdint>

#include "backend/memory.hpp"

namespace linnet {

/// Rows of a batch, one behind the other, that are no tokens: what was made of a picture, say.
/// Their ids in Batch::tokens are any of the vocabulary.
struct GivenRows {
  std::int64_t first = 0;  ///< row of the batch
  std::int64_t rows = 0;
  const float* values = nullptr;  ///< [rows, ModelSpec::given_columns()] in host memory
  /// They see each other, not only those before them. All of the rows that do so come in one batch,
  /// the last of them behind the others.
  bool see_each_other = false;
};

/// The rows [first, first + count) of `x`.
inline View some_rows(View x, std::int64_t first, std::int64_t count) {
  return {x.row(first), count, x.columns, x.stride};
}

}  // namespace linnet
