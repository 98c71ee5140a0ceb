#pragma once

#include <string>

#include "tokenizer/tokenizer.hpp"

namespace linnet {

/// What a token adds to a text, in JSON: its text, or the numbers of its bytes if these are no text
/// alone.
std::string piece_json(const Tokenizer& tokenizer, TokenId id);

}  // namespace linnet
