#include "base/utf8.hpp"
#include "tokenizer/tokenizer.hpp"

namespace linnet {

std::string Detokenizer::push(TokenId id) {
  std::string bytes = tokenizer_.token_bytes(id, show_special_);
  if (at_start_ && !bytes.empty()) {
    if (tokenizer_.strips_leading_space() && bytes.front() == ' ') bytes.erase(0, 1);
    at_start_ = false;
  }
  pending_ += bytes;
  std::string text;
  std::string_view rest = pending_;
  while (!rest.empty()) {
    const Character character = first_character(rest);
    if (character.kind == Character::Kind::kIncomplete) break;
    text += character.kind == Character::Kind::kComplete ? rest.substr(0, character.bytes)
                                                         : kReplacement;
    rest.remove_prefix(character.bytes);
  }
  pending_ = std::string(rest);  // at most three bytes
  return text;
}

std::string Detokenizer::finish() {
  const bool incomplete = !pending_.empty();
  pending_.clear();
  return incomplete ? std::string(kReplacement) : std::string();
}

}  // namespace linnet
