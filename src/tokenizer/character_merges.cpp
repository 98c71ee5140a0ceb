#include "tokenizer/character_merges.hpp"

#include "base/utf8.hpp"

namespace linnet {

void CharacterMerges::encode(std::string_view word, Scratch& scratch,
                             std::vector<TokenId>& ids) const {
  if (scratch.cancelled.now_and_then()) return;
  Merger& merger = scratch.merger;
  merger.begin(word.size());
  for (std::uint32_t i = 0; i < word.size();) {
    const auto bytes = static_cast<std::uint32_t>(utf8_length(word[i]));
    merger.add(i, vocabulary_.find_text(word.substr(i, bytes)).value_or(-1));
    i += bytes;
  }
  const auto merge_of = [&](const Symbol& left, const Symbol& right) {
    return merges_.find(left.token, right.token);
  };
  merger.run(static_cast<std::uint32_t>(word.size()), merge_of,
             [&] { return scratch.cancelled.now(); });
  merger.for_each([&](const Symbol& symbol) {
    if (symbol.token >= 0) {
      ids.push_back(symbol.token);
    } else {
      append_bytes(word.substr(symbol.begin, symbol.bytes), ids);
    }
  });
}

void CharacterMerges::append_bytes(std::string_view character, std::vector<TokenId>& ids) const {
  for (const char byte : character) {
    const TokenId token = bytes_[static_cast<unsigned char>(byte)];
    ids.push_back(token >= 0 ? token : vocabulary_.unknown_or_none());
    if (token < 0) return;  // one for the character
  }
}

}  // namespace linnet
