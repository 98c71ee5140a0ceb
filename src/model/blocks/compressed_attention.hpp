#pragma once

#include "model/blocks/pass.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// Makes one key of many tokens: of every column the mean, weighed by the softmax of scores.
struct CompressorWeights {
  Linear value, score;
  std::unique_ptr<Buffer> offsets;  ///< of the scores, by the token's place
  Norm norm;
};

/// Attention to recent and to compressed keys; see CompressedAttentionSpec.
struct CompressedAttentionWeights {
  Linear query_down, query_up;
  Norm query_norm;  ///< between the two
  Linear key;
  Norm key_norm;
  std::unique_ptr<Buffer> sinks;
  CompressorWeights compressor;
  Linear index_query, index_head_weight;
  CompressorWeights index_compressor;
  std::vector<Linear> output_down;  ///< of each group of heads
  Linear output_up;
};

/// Loads `prefix`.attn_q_a and so on; `width` is the residual stream's.
CompressedAttentionWeights load_compressed_attention(WeightLoader& loader,
                                                     const CompressedAttentionSpec& spec,
                                                     std::int64_t width, const std::string& prefix);

/// Floats that compressed_attention_block takes of the workspace for each row.
std::int64_t compressed_attention_columns(const CompressedAttentionSpec& spec);

/// out += attention(in), or out = that if `accumulate` is false, with the state of layer `layer`.
/// in, out: [rows, width].
void compressed_attention_block(const Pass& pass, const CompressedAttentionSpec& spec,
                                const CompressedAttentionWeights& weights, int layer, View in,
                                View out, bool accumulate);

}  // namespace linnet
