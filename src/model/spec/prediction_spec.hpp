#pragma once

#include <cstdint>
#include <vector>

#include "base/token_id.hpp"

namespace linnet {

/// What a model that guesses for another one, its target, reads besides tokens.
struct PredictionSpec {
  enum class Kind {
    kNone,  ///< a model that guesses for no other
    /// Multi-token prediction (https://arxiv.org/abs/2412.19437, section 2.2): reads each token's
    /// embedding, and the target's hidden state of the token before, which is a given row. Several
    /// layers are independent: the second one predicts what follows the first one's guess, and so
    /// on.
    kJoined,
    /// EAGLE-3 (https://arxiv.org/abs/2503.01840): the residual stream begins as what Model::fuse()
    /// makes of the target's layers for the token before, a given row; the mixer of the one layer
    /// also reads the token's embedding.
    kBeside,
    /// Gemma 4's assistants: they read the target's embedding of each token, and the hidden state
    /// before it, a given row, attend to the target's keys and values, and output a hidden state of
    /// the target's width.
    kReadsKeys,
    /// DFlash: a block of tokens is guessed at once, by rows for the text's last token and for
    /// those that are guessed. The rows see each other, and keys and values that
    /// Model::read_results() makes of the target's layer results for the tokens before.
    kBlock,
  };
  Kind kind = Kind::kNone;

  std::int64_t target_width = 0;  ///< columns of what is read from the target
  /// Layers whose results are read, ascending: kBeside and kBlock fuse them; kJoined reads the last
  /// layer's, without a norm, or if it is not named here the target's hidden states.
  std::vector<int> target_layers;

  // Of kJoined.
  /// The last norm is a layer norm with this epsilon; 0: it is as the model's others.
  float layer_norm_epsilon = 0.0f;

  // Of kBeside.
  bool normalises_stream = false;   ///< the stream continues as the mixer reads it
  bool normalises_results = false;  ///< before they are fused

  // Of kBlock.
  std::int64_t block_rows = 0;
  TokenId mask_token = 0;  ///< of the rows after the first
  int first_guess = 1;     ///< the row of the first guess: 0 or 1
  /// DSpark: the logits of a row depend on the token before its guess, by way of this many columns
  /// (Model::add_chain()); 0: they do not.
  std::int64_t chain_columns = 0;

  /// For kBeside and kBlock: the token of each column of the logits; empty: column i is token
  /// i.
  std::vector<TokenId> tokens;

  std::int64_t block_guesses() const { return block_rows - first_guess; }
  bool fuses_results() const { return kind == Kind::kBeside || kind == Kind::kBlock; }
  /// The token that a column of the logits stands for.
  TokenId token_of(std::int64_t column) const {
    return tokens.empty() ? static_cast<TokenId>(column) : tokens[static_cast<std::size_t>(column)];
  }
  /// Columns of the concatenated results that are fused to one row.
  std::int64_t fused_columns() const {
    return static_cast<std::int64_t>(target_layers.size()) * target_width;
  }
};

}  // namespace linnet
