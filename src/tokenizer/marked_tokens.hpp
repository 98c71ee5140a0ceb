#pragma once

#include <string>
#include <vector>

#include "tokenizer/tokenizer.hpp"

namespace linnet {

/// Tokens that no text encodes to, as those of a picture: `marker` stands for them in a text until
/// that is encoded.
struct MarkedTokens {
  std::string marker;         ///< nobody can guess it
  std::string before, after;  ///< texts around them, with special tokens
  std::vector<TokenId> ids;   ///< not empty, none of the vocabulary
};

}  // namespace linnet
