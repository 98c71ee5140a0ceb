#pragma once

#include "model/blocks/indexer.hpp"
#include "model/blocks/pass.hpp"
#include "model/weight_loader.hpp"

namespace linnet {

/// Multi-head latent attention; see LatentAttentionSpec.
struct LatentAttentionWeights {
  Linear query;  ///< width to heads, if the query has no down-projection
  Linear query_down, query_up;
  Norm query_norm;  ///< between the two
  Linear latent;    ///< width to latent and rotary key
  Norm latent_norm;
  Norm key_norm;                  ///< of the rotary key, if the file has one (dots3-note)
  std::unique_ptr<Buffer> sinks;  ///< of the softmax, if the file has them
  std::vector<Linear> key_up;     ///< absorbed: plain query to latent, one for each head
  std::vector<Linear> value_up;   ///< absorbed: latent to value, one for each head
  Linear key_value_up;            ///< not absorbed: latent to plain key and value of all heads
  Linear gate;                    ///< a factor for every head or every column of the result
  Linear output;
  IndexerWeights indexer;
};

/// Loads `prefix`.attn_kv_a_mqa and so on; `width` is the residual stream's.
LatentAttentionWeights load_latent_attention(WeightLoader& loader, const LatentAttentionSpec& spec,
                                             std::int64_t width, const std::string& prefix);

/// Floats that latent_attention_block takes of the workspace for each row.
std::int64_t latent_attention_columns(const LatentAttentionSpec& spec);

/// What the layer keeps of a token.
KvLayerShape latent_kv_shape(const LatentAttentionSpec& spec);

/// out += attention(in), or out = that if `accumulate` is false. in, out: [rows, width].
void latent_attention_block(const Pass& pass, const LatentAttentionSpec& spec,
                            const LatentAttentionWeights& weights, int layer, View in, View out,
                            bool accumulate);

}  // namespace linnet
