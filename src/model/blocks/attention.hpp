#pragma once

#include "model/blocks/adapters.hpp"
#include "model/blocks/block_indexer.hpp"
#include "model/blocks/pass.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// A table of biases by distance, which layers may share; missing if a layer has none.
struct DistanceBiasWeights {
  std::shared_ptr<const Buffer> values, buckets;
  int reach = 0;

  explicit operator bool() const { return values != nullptr; }
  DistanceBias view() const;
};

/// Self-attention with grouped queries (https://arxiv.org/abs/2305.13245).
struct AttentionWeights {
  Linear query, key, value;  ///< a missing `value`: the keys before norm and rope are the values
  Linear fused;              ///< query, key and value in one, in this order, instead of the three
  Linear gate;               ///< a factor for every head or every column of the result
  Linear output;
  AdapterWeights query_adapter, key_adapter, value_adapter, output_adapter;
  HeadNorm query_norm, key_norm;
  Norm result_norm;
  std::unique_ptr<Buffer> sinks;
  std::unique_ptr<Buffer> alibi_slopes;
  DistanceBiasWeights distance_bias;
  BlockIndexerWeights blocks;
};

/// Loads `prefix`.attn_q and so on.
AttentionWeights load_attention(WeightLoader& loader, const AttentionSpec& spec,
                                const ModelSpec& model, const std::string& prefix);

/// Loads `prefix`.attn_gate, a factor for each of the `heads` or for each of the `columns` of the
/// result, whichever the file has; missing if it has none.
Linear load_attention_gate(WeightLoader& loader, int heads, std::int64_t width,
                           std::int64_t columns, const std::string& prefix);

/// Floats that attention_block takes of the workspace for each row.
std::int64_t attention_columns(const AttentionSpec& spec, const ModelSpec& model);

/// out += attention(in), or out = that if `accumulate` is false. in, out: [rows, width].
void attention_block(const Pass& pass, const AttentionSpec& spec, const AttentionWeights& weights,
                     int layer, View in, View out, bool accumulate);

/// Only stores what attention_block() would store of `in`.
void store_keys(const Pass& pass, const AttentionSpec& spec, const AttentionWeights& weights,
                int layer, View in);

/// result *= activation(projection(in)), one factor for every head or every column; nothing if
/// there is no projection. Takes as many columns of the workspace.
void apply_gate(const Pass& pass, const Linear& projection, Activation activation, View in,
                View result);

/// Scales row r of `queries` by the temperature at its position.
void apply_temperature(const Pass& pass, const QueryTemperature& temperature, View queries);

}  // namespace linnet
