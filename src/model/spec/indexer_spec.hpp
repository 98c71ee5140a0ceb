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

/// By what a block of tokens is picked.
enum class BlockKeys {
  kMean,     ///< one key, the mean of its tokens', for all heads together (Qwen 3.8); tokens after
             ///< the last whole block are always seen
  kOfTokens  ///< the best of its tokens' keys, by each KV head for itself (MiniMax-M3)
};

/// Picks the tokens that attention sees in blocks of `stride`.
struct BlockIndexerSpec {
  BlockKeys keys = BlockKeys::kMean;
  int heads = 0;      ///< of the queries; 0: none. kOfTokens: as many as KV heads
  int width = 0;      ///< of a query's head, and of a key
  int most = 0;       ///< kMean: tokens that are picked; kOfTokens: blocks
  int stride = 0;     ///< tokens of a block
  int recent = 0;     ///< kOfTokens: this many of the last blocks are always seen
  int kv_layer = -1;  ///< where the index keys are kept
  RopeSpec rope;

  /// Tokens that an index key stands for.
  int key_stride() const { return keys == BlockKeys::kMean ? stride : 1; }
  /// State of a sequence, for the block that is not yet complete: [stride][keys | scores].
  std::int64_t state_floats() const {
    return keys == BlockKeys::kMean ? std::int64_t{2} * stride * width : 0;
  }
};

}  // namespace linnet
