#include "generate/speculation/prompt_lookup.hpp"

#include "generate/cache/prefix_hash.hpp"

namespace linnet {
namespace {

// Of the `count` tokens before `end`. If two phrases have the same, a guess is wrong.
std::uint64_t phrase_hash(std::span<const TokenId> tokens, std::size_t end, std::size_t count) {
  return extend_prefix_hash(empty_prefix_hash(), tokens.subspan(end - count, count));
}

}  // namespace

Status PromptLookup::propose(std::span<const DraftQuery> queries) {
  for (const DraftQuery& query : queries) {
    Index& index = indexes_[query.sequence];
    extend(index, query.tokens);
    guess(index, query);
  }
  return {};
}

void PromptLookup::end(std::uint64_t sequence, std::span<const TokenId>) {
  indexes_.erase(sequence);
}

// Adds the phrases after which a token has come since the last time.
void PromptLookup::extend(Index& index, std::span<const TokenId> tokens) {
  for (; index.end < tokens.size(); ++index.end) {
    for (std::size_t i = 0; i < kPhraseTokens.size(); ++i) {
      if (index.end < kPhraseTokens[i]) continue;
      index.places[i][phrase_hash(tokens, index.end, kPhraseTokens[i])] = index.end;
    }
  }
}

void PromptLookup::guess(const Index& index, const DraftQuery& query) const {
  const auto tokens = query.tokens;
  for (std::size_t i = 0; i < kPhraseTokens.size(); ++i) {
    if (tokens.size() < kPhraseTokens[i]) continue;
    const auto found = index.places[i].find(phrase_hash(tokens, tokens.size(), kPhraseTokens[i]));
    if (found == index.places[i].end()) continue;
    // Past the end of the text, the guess repeats.
    for (std::size_t at = found->second; std::ssize(*query.guesses) < query.most; ++at) {
      const TokenId next = at < tokens.size() ? tokens[at] : (*query.guesses)[at - tokens.size()];
      if (next >= vocabulary_) return;
      query.guesses->push_back(next);
    }
    return;
  }
}

}  // namespace linnet
