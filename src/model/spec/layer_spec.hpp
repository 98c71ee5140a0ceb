#pragma once

#include <cstdint>
#include <string_view>

#include "model/spec/attention_spec.hpp"
#include "model/spec/compressed_attention_spec.hpp"
#include "model/spec/feed_forward_spec.hpp"
#include "model/spec/latent_attention_spec.hpp"
#include "model/spec/ngram_spec.hpp"
#include "model/spec/recurrent_spec.hpp"

namespace linnet {

/// One layer: a mixer, which looks at other tokens, and a feed-forward part, which does not. Which
/// optional parts it has (biases, QK-norm, post-norms, fused projections, gates) follows from the
/// tensors that are in the file.
struct LayerSpec {
  /// Before its tensors' names, instead of ModelSpec::layer_name and a number; empty: those.
  std::string_view name = {};
  NgramSpec ngrams;  ///< before the mixer

  // The mixer: one kind of attention, or none.
  AttentionSpec attention;
  LatentAttentionSpec latent;
  CompressedAttentionSpec compressed;
  RecurrentSpec recurrent;        ///< if a layer has attention too, their outputs are added
  bool bare_mixer_input = false;  ///< no norm before the mixer (ModernBERT's first layer)

  CrossAttentionSpec cross;  ///< between mixer and feed-forward part

  // The feed-forward part: what is there is added.
  MlpSpec mlp;
  MoeSpec moe;
  MlpSpec shared;               ///< the expert that every token uses
  RecurrentSpec recurrent_ffn;  ///< one that keeps a state, instead of these
  float ffn_scale = 1.0f;       ///< of dense, shared and routed parts together

  float output_scale = 1.0f;  ///< of the layer's result

  bool has_mixer() const {
    return attention.heads > 0 || latent.heads > 0 || compressed.heads > 0 || is_present(recurrent);
  }
  bool has_ffn() const { return mlp.width > 0 || moe.experts > 0 || is_present(recurrent_ffn); }
  /// What mixer and feed-forward part keep of a sequence; that of the n-grams is after it.
  std::int64_t block_state_floats() const {
    return attention.blocks.state_floats() + compressed.state_floats() +
           linnet::state_floats(recurrent) + linnet::state_floats(recurrent_ffn);
  }
};

}  // namespace linnet
