#include "generate/grammar_vocabulary.hpp"

namespace linnet {

std::vector<TokenId> end_tokens(const Tokenizer& tokenizer) {
  std::vector<TokenId> tokens;
  for (TokenId id = 0; id < tokenizer.vocabulary_size(); ++id) {
    if (tokenizer.is_end_of_generation(id)) tokens.push_back(id);
  }
  return tokens;
}

Result<std::shared_ptr<const grammar::Vocabulary>> make_grammar_vocabulary(
    const Tokenizer& tokenizer) {
  std::vector<std::string> bytes(static_cast<std::size_t>(tokenizer.vocabulary_size()));
  for (TokenId id = 0; id < tokenizer.vocabulary_size(); ++id) {
    if (!tokenizer.is_end_of_generation(id)) bytes[id] = tokenizer.token_bytes(id, false);
  }
  return grammar::Vocabulary::create(std::move(bytes), end_tokens(tokenizer));
}

}  // namespace linnet
