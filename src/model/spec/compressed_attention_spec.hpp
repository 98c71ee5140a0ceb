#pragma once

#include <cstdint>

#include "backend/parameters.hpp"
#include "model/spec/indexer_spec.hpp"
#include "model/spec/rope_spec.hpp"

namespace linnet {

/// Attention to a window of the last tokens and, after it, to keys that stand for many tokens each
/// (DeepSeek-V4). All heads share one key, which is the value, too; the rotation of the values is
/// undone in the result.
struct CompressedAttentionSpec {
  int heads = 0;          ///< 0: the layer has none
  int head_width = 0;     ///< columns of a head of queries, and of the one key
  int query_rank = 0;     ///< of the query's down-projection
  int output_groups = 0;  ///< of heads, each with a down-projection of its own
  int output_rank = 0;    ///< of a group's down-projection
  int window = 0;         ///< tokens
  RopeSpec rope;
  RopeSpec reverse_rope;  ///< of the result
  int stride = 0;         ///< tokens that a compressed key stands for; 0: there are no such keys
  bool overlaps = false;  ///< a compressed key is made of twice as many; see PoolParams
  int kv_layer = -1;      ///< where compressed keys are kept
  IndexerSpec indexer;    ///< picks among them

  /// What a token gives to compressed keys of `width` columns.
  std::int64_t pooled_columns(int width) const { return std::int64_t{overlaps ? 2 : 1} * width; }
  /// What is kept of a sequence for compressed keys of `width` columns.
  std::int64_t window_floats(int width) const {
    PoolParams params;
    params.ratio = stride;
    params.overlaps = overlaps;
    return params.kept() * 2 * pooled_columns(width);
  }
  std::int64_t state_floats() const {
    if (stride == 0) return 0;
    return window_floats(head_width) + (indexer.heads > 0 ? window_floats(indexer.width) : 0);
  }
};

}  // namespace linnet
