#pragma once

#include <cstdint>
#include <vector>

#include "base/token_id.hpp"

namespace linnet {

/// What a model that guesses for another one, its target, reads beside tokens.
struct PredictionSpec {
  enum class Kind {
    kNone,  ///< a model that stands for itself
    /// Multi-token prediction (https://arxiv.org/abs/2412.19437, section 2.2): of each token the
    /// embedding, and the target's hidden state of the token before, which is a given row. Of
    /// several layers each is by itself: the second one predicts what follows the first one's
    /// guess, and so on.
    kJoined,
    /// EAGLE-3 (https://arxiv.org/abs/2503.01840): the residual stream begins as what Model::fuse()
    /// makes of the target's layers for the token before, a given row; the mixer of the one layer
    /// reads the token's embedding beside it.
    kBeside,
    /// Gemma 4's assistants: they read of each token the target's embedding, and the hidden state
    /// before it, a given row, attend to keys and values that the target keeps, and give a hidden
    /// state of the target's width.
    kReadsKeys,
  };
  Kind kind = Kind::kNone;

  std::int64_t target_width = 0;  ///< columns of what is read of the target
  /// Whose results are read, ascending: kBeside fuses them; kJoined reads the last layer's, which
  /// no norm has changed, or where it is not named here the target's hidden states.
  std::vector<int> target_layers;

  // Of kJoined.
  /// The last norm is a layer norm with this epsilon; 0: it is as the model's others.
  float layer_norm_epsilon = 0.0f;

  // Of kBeside.
  bool normalises_stream = false;   ///< the stream goes on as the mixer reads it
  bool normalises_results = false;  ///< before they are fused
  /// [columns of the logits]: which tokens these are; empty: all, in their order.
  std::vector<TokenId> tokens;

  /// Of what is fused to one row.
  std::int64_t fused_columns() const {
    return static_cast<std::int64_t>(target_layers.size()) * target_width;
  }
};

}  // namespace linnet
