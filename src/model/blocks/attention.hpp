#pragma once

#include "model/blocks/pass.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// Self-attention with grouped queries (https://arxiv.org/abs/2305.13245).
struct AttentionWeights {
  Linear query, key, value;
  Linear fused;  ///< query, key and value in one, in this order, instead of the three
  Linear output;
  Norm query_norm, key_norm;  ///< over a head, or over all heads at once
  std::unique_ptr<Buffer> sinks;
};

/// Loads `prefix`.attn_q and so on; `width` is the residual stream's.
AttentionWeights load_attention(WeightLoader& loader, const AttentionSpec& spec, std::int64_t width,
                                const std::string& prefix);

/// Floats that attention_block takes of the workspace for each row.
std::int64_t attention_columns(const AttentionSpec& spec);

/// out += attention(in), or out = where `accumulate` is false. in, out: [rows, width].
void attention_block(const Pass& pass, const AttentionSpec& spec, const AttentionWeights& weights,
                     int layer, View in, View out, bool accumulate);

}  // namespace linnet
