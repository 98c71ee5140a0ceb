#pragma once

#include "model/spec/attention_spec.hpp"
#include "model/spec/indexer_spec.hpp"
#include "model/spec/rope_spec.hpp"

namespace linnet {

/// Multi-head latent attention (https://arxiv.org/abs/2405.04434, section 2.1): keys and values are
/// up-projections of one latent vector per token; heads share the rotary part of the key.
struct LatentAttentionSpec {
  int heads = 0;         ///< 0: the layer has none
  int query_rank = 0;    ///< of the query's down-projection (q_lora_rank); 0: projected at once
  int latent_width = 0;  ///< columns of the latent vector (kv_lora_rank)
  int plain_width = 0;   ///< non-rotary columns of a query head (qk_nope_head_dim)
  int rope_width = 0;    ///< rotary columns of a query head (qk_rope_head_dim)
  int value_width = 0;   ///< columns of one head
  float scale = 0.0f;    ///< of the scores
  int window = 0;        ///< of the last tokens, which alone are seen; 0: all are
  /// The latents themselves are cached and the up-projections moved to query and output (section
  /// 2.1.2); else keys and values of all heads are cached.
  bool absorbed = false;
  RopeSpec rope;
  QueryTemperature temperature;
  IndexerSpec indexer;

  int query_width() const { return plain_width + rope_width; }
};

}  // namespace linnet
