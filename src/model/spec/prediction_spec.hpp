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
    /// embedding, and the target's hidden state of the token before, which is a given row.
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

  std::int64_t target_width = 0;  ///< columns of what is read of the target, of these two kinds

  // Of kBeside.
  std::vector<int> target_layers;   ///< whose results are fused, ascending
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
