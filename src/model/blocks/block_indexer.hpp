#pragma once

#include "model/blocks/pass.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// Picks blocks of tokens for attention; see BlockIndexerSpec.
struct BlockIndexerWeights {
  Linear query, key;
  Norm query_norm, key_norm;
  std::unique_ptr<Buffer> no_offsets;  ///< of PoolParams, where blocks have means
};

/// Loads `prefix`.indexer.*; nothing if there is none. `width` is the residual stream's.
BlockIndexerWeights load_block_indexer(WeightLoader& loader, const BlockIndexerSpec& spec,
                                       std::int64_t width, const std::string& prefix);

/// Floats that pick_blocks takes of the workspace for each row.
std::int64_t block_indexer_columns(const BlockIndexerSpec& spec);

/// Stores the index keys of the rows of `in`, or of the blocks that they complete, and picks the
/// tokens that each row sees. The state of layer `layer` begins with what the indexer keeps.
void pick_blocks(const Pass& pass, const BlockIndexerSpec& spec, const BlockIndexerWeights& weights,
                 int layer, View in);

}  // namespace linnet
