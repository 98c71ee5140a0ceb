#pragma once

#include <string>
#include <vector>

#include "tokenizer/tokenizer.hpp"

namespace linnet {

/// Tokens that no text encodes to, as those of a picture: `marker` stands for them in a text until
/// that is encoded.
struct MarkedTokens {
  /// Tokens that stand together, and the text before them, with special tokens.
  struct Part {
    std::string before;
    std::vector<TokenId> ids;  ///< not empty, none of the vocabulary
  };

  std::string marker;  ///< nobody can guess it
  std::vector<Part> parts;
  std::string after;  ///< text after the last part
};

}  // namespace linnet
