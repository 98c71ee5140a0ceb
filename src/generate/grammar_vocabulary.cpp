#include "generate/grammar_vocabulary.hpp"

#include <unordered_map>

#include "base/keyed_hash.hpp"

namespace linnet {

std::vector<TokenId> end_tokens(const Tokenizer& tokenizer) {
  std::vector<TokenId> tokens;
  for (TokenId id = 0; id < tokenizer.vocabulary_size(); ++id) {
    if (tokenizer.is_end_of_generation(id)) tokens.push_back(id);
  }
  return tokens;
}

grammar::GbnfOptions gbnf_options(const Tokenizer& tokenizer) {
  using Ids = std::unordered_map<std::string_view, TokenId, KeyedHash>;  // the lowest of each piece
  grammar::GbnfOptions options;
  options.token_id = [&tokenizer, ids = std::make_shared<Ids>()](
                         std::string_view piece) -> std::optional<TokenId> {
    if (ids->empty()) {
      for (TokenId id = 0; id < tokenizer.vocabulary_size(); ++id) {
        ids->emplace(tokenizer.piece(id), id);
      }
    }
    const auto found = ids->find(piece);
    return found == ids->end() ? std::nullopt : std::optional(found->second);
  };
  return options;
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
