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
    /// DFlash: a block of tokens is guessed at once, by rows for the text's last token and for
    /// those that are guessed. The rows see each other, and keys and values that
    /// Model::read_results() makes of what the target's layers gave for the tokens before.
    kBlock,
  };
  Kind kind = Kind::kNone;

  std::int64_t target_width = 0;  ///< columns of what is read of the target
  /// Whose results are read, ascending: kBeside and kBlock fuse them; kJoined reads the last
  /// layer's, which no norm has changed, or if it is not named here the target's hidden states.
  std::vector<int> target_layers;

  // Of kJoined.
  /// The last norm is a layer norm with this epsilon; 0: it is as the model's others.
  float layer_norm_epsilon = 0.0f;

  // Of kBeside.
  bool normalises_stream = false;   ///< the stream goes on as the mixer reads it
  bool normalises_results = false;  ///< before they are fused

  // Of kBlock.
  std::int64_t block_rows = 0;
  TokenId mask_token = 0;  ///< of the rows after the first
  int first_guess = 1;     ///< the row that gives the first guess: 0 or 1
  /// DSpark: the logits of a row depend on the token before what it guesses, by way of so many
  /// columns (Model::add_chain()); 0: they do not.
  std::int64_t chain_columns = 0;

  /// Of kBeside and kBlock. [columns of the logits]: which tokens these are; empty: all, in their
  /// order.
  std::vector<TokenId> tokens;

  std::int64_t block_guesses() const { return block_rows - first_guess; }
  bool fuses_results() const { return kind == Kind::kBeside || kind == Kind::kBlock; }
  /// The token that a column of the logits stands for.
  TokenId token_of(std::int64_t column) const {
    return tokens.empty() ? static_cast<TokenId>(column) : tokens[static_cast<std::size_t>(column)];
  }
  /// Of what is fused to one row.
  std::int64_t fused_columns() const {
    return static_cast<std::int64_t>(target_layers.size()) * target_width;
  }
};

}  // namespace linnet
