#pragma once

#include <cstdint>
#include <vector>

#include "base/token_id.hpp"

namespace linnet {

/// Embeddings of the last tokens together (Qwen 3.8): n-grams of 2 to `size` tokens name rows of a
/// table by their hashes. What projections make of these is gated by the residual streams, mixed
/// with that of earlier tokens, and added to the streams.
struct NgramSpec {
  int size = 0;                            ///< 0: the layer has none
  int rows_each = 0;                       ///< that an n-gram of one length names
  int row_width = 0;                       ///< columns of a row
  std::int64_t columns = 0;                ///< of all residual streams
  int kernel = 0;                          ///< of a convolution over every `size`-th token
  TokenId end_token = 0;                   ///< what stands before it counts as it does
  std::vector<std::uint64_t> multipliers;  ///< [size], the newest token's first
  std::int64_t table_rows = 0;
  /// [rows()]: the part of the table where each of a token's rows is.
  struct Part {
    std::int64_t first = 0;
    std::int64_t count = 1;
  };
  std::vector<Part> parts;

  int rows() const { return (size - 1) * rows_each; }
  std::int64_t all_columns() const { return std::int64_t{rows()} * row_width; }
  int before() const { return size - 1; }                    ///< tokens that an n-gram looks back
  int convolved() const { return (kernel - 1) * size + 1; }  ///< tokens under the convolution
  /// State kept of the tokens before; after it state_floats() counts what is convolved.
  std::int64_t token_floats() const { return std::int64_t{before()} * before(); }
  std::int64_t state_floats() const {
    return size == 0 ? 0 : token_floats() + (convolved() - 1) * columns;
  }
};

}  // namespace linnet
