#pragma once

#include "model/blocks/pass.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// Picks the keys that attention sees; see IndexerSpec.
struct IndexerWeights {
  Linear query, key;
  Linear head_weight;  ///< to a weight for each index head
  Norm key_norm;
};

/// Loads `prefix`.indexer.*; queries are made of `query_columns` columns, keys of `width`.
IndexerWeights load_indexer(WeightLoader& loader, const IndexerSpec& spec,
                            std::int64_t query_columns, std::int64_t width,
                            const std::string& prefix);

/// Floats that pick_keys_block takes of the workspace for each row.
std::int64_t indexer_columns(const IndexerSpec& spec);

/// Stores the index keys of `in` and picks the keys of each row; nothing if there is no indexer
/// or the picks of the layer before hold on.
void pick_keys_block(const Pass& pass, const IndexerSpec& spec, const IndexerWeights& weights,
                     View query_in, View in);

}  // namespace linnet
