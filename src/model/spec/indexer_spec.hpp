// How a layer picks the few keys that its attention sees.
#pragma once

#include <cstdint>

#include "model/spec/rope_spec.hpp"

namespace linnet {

/// The lightning indexer (https://arxiv.org/abs/2512.02556, section 2.1): small queries and keys
/// that pick the keys which attention sees.
struct IndexerSpec {
  int heads = 0;        ///< of the queries; 0: none
  int width = 0;        ///< of a query's head, and of the one key of a token
  int most = 0;         ///< keys that are picked
  bool reused = false;  ///< the picks of the layer before are used instead of own ones
  int kv_layer = -1;    ///< where the index keys are kept
  float key_norm_epsilon = 1e-6f;
  RopeSpec rope;
};

/// Picks the tokens that attention sees in blocks of `stride` (Qwen 3.8). A block has one index
/// key: the mean of its tokens' keys. Tokens behind the last whole block are always seen.
struct BlockIndexerSpec {
  int heads = 0;      ///< of the queries; 0: none
  int width = 0;      ///< of a query's head, and of the one key of a block
  int most = 0;       ///< tokens that are picked
  int stride = 0;     ///< tokens of a block
  int kv_layer = -1;  ///< where the index keys are kept
  RopeSpec rope;

  /// Of a sequence, for the block that is not whole yet: [stride][keys | scores].
  std::int64_t state_floats() const { return std::int64_t{2} * stride * width; }
};

}  // namespace linnet
