#pragma once

#include <cstdint>

#include "backend/memory.hpp"

namespace linnet {

/// The layers that let the rows of a picture see each other, not only those before them.
enum class SeeEachOther { kNo, kInSlidingLayers, kInAllLayers };

/// Rows of a batch, one after the other, that are no tokens: what was made of a picture, say.
/// Their ids in Batch::tokens are any of the vocabulary.
struct GivenRows {
  std::int64_t first = 0;  ///< row of the batch
  std::int64_t rows = 0;
  const float* values = nullptr;  ///< [rows, ModelSpec::given_columns()] in host memory
  /// All rows that see each other come in one batch, the last of them after the others.
  SeeEachOther see_each_other = SeeEachOther::kNo;
};

/// The rows [first, first + count) of `x`.
inline View some_rows(View x, std::int64_t first, std::int64_t count) {
  return {x.row(first), count, x.columns, x.stride};
}

}  // namespace linnet
