#include "generate/sampling/dry_breakers.hpp"

namespace linnet {

std::vector<TokenId> tokens_with(const Tokenizer& tokenizer, std::span<const std::string> strings) {
  std::vector<TokenId> tokens;
  for (TokenId id = 0; id < tokenizer.vocabulary_size(); ++id) {
    const std::string bytes = tokenizer.token_bytes(id, false);
    for (const std::string& string : strings) {
      if (string.empty() || bytes.find(string) == std::string::npos) continue;
      tokens.push_back(id);
      break;
    }
  }
  return tokens;
}

}  // namespace linnet
