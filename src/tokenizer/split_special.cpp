#include <unordered_map>

#include "tokenizer/vocabulary.hpp"

namespace linnet {
namespace {

// Candidates by their first byte, so that most places of a text are passed at one look.
using ByFirstByte = std::unordered_map<char, std::vector<TokenId>>;

ByFirstByte index_tokens(const Vocabulary& vocabulary, bool parse_special) {
  ByFirstByte result;
  for (const TokenId id : vocabulary.special_tokens()) {
    if (!parse_special && vocabulary.type(id) != PieceType::kUserDefined) continue;
    result[vocabulary.piece(id).front()].push_back(id);
  }
  return result;
}

std::optional<TokenId> token_at(const Vocabulary& vocabulary, const ByFirstByte& tokens,
                                std::string_view text) {
  const auto candidates = tokens.find(text.front());
  if (candidates == tokens.end()) return std::nullopt;
  for (const TokenId id : candidates->second) {
    if (text.starts_with(vocabulary.piece(id))) return id;
  }
  return std::nullopt;
}

}  // namespace

std::vector<TextPart> split_special(const Vocabulary& vocabulary, std::string_view text,
                                    bool parse_special) {
  std::vector<TextPart> parts;
  const ByFirstByte tokens = index_tokens(vocabulary, parse_special);
  std::size_t begin = 0;
  std::size_t i = 0;
  while (i < text.size()) {
    const auto token = token_at(vocabulary, tokens, text.substr(i));
    if (!token) {
      ++i;
      continue;
    }
    if (i > begin) parts.push_back({text.substr(begin, i - begin), std::nullopt});
    parts.push_back({{}, token});
    i += vocabulary.piece(*token).size();
    begin = i;
  }
  if (begin < text.size()) parts.push_back({text.substr(begin), std::nullopt});
  return parts;
}

}  // namespace linnet
