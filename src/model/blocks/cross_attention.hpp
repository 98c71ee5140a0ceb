#pragma once

#include "model/blocks/pass.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// Attention of a text to its input (https://arxiv.org/abs/1706.03762, section 3.2.3).
struct CrossAttentionWeights {
  Linear query, key, value, output;
};

/// Loads `prefix`.cross_attn_q and so on; nothing if the layer has none.
CrossAttentionWeights load_cross_attention(WeightLoader& loader, const CrossAttentionSpec& spec,
                                           std::int64_t width, const std::string& prefix);

/// Floats that either function takes of the workspace for each row.
std::int64_t cross_attention_columns(const CrossAttentionSpec& spec);

/// Stores keys and values of what was read of inputs; the rows of `in` [rows, width] are theirs.
void store_input(const Pass& pass, const CrossAttentionSpec& spec,
                 const CrossAttentionWeights& weights, View in);

/// out += attention(in) to the inputs of the rows' sequences. in, out: [rows, width].
void cross_attention_block(const Pass& pass, const CrossAttentionSpec& spec,
                           const CrossAttentionWeights& weights, View in, View out);

}  // namespace linnet
