#pragma once

#include <cstdint>
#include <vector>

#include "backend/memory.hpp"

namespace linnet {

/// The keys, each of which stands for `stride` tokens, that rows of a batch complete.
struct CompletedKeys {
  std::vector<std::int32_t> first, last;  ///< positions of their tokens
  std::vector<std::int32_t> sequences;    ///< whose they are

  CompletedKeys(const BatchLayout& batch, int stride) {
    for (std::size_t r = 0; r < batch.positions.size(); ++r) {
      const std::int32_t position = batch.positions[r];
      if ((position + 1) % stride != 0) continue;
      first.push_back(position + 1 - stride);
      last.push_back(position);
      sequences.push_back(batch.sequences[r]);
    }
  }

  /// Where a store puts them, which are completed by rows of `batch`.
  BatchLayout places(const BatchLayout& batch) const {
    return {last, sequences, batch.page_tables, batch.lengths};
  }
};

}  // namespace linnet
