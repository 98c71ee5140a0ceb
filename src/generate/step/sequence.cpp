#include "generate/step/sequence.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "generate/speculation/drafter.hpp"

namespace linnet {

Sequence::Sequence(GenerateRequest wanted, std::uint64_t number, const ModelSpec& spec)
    : request(std::move(wanted)), id(number), chain(request.sampling), tokens(request.prompt) {
  if (!request.media.empty()) {
    media = PromptMedia(tokens, request.media);
    std::ranges::copy_if(tokens, std::back_inserter(text_tokens),
                         [&](TokenId token) { return token < spec.vocabulary; });
  }
  if (spec.input.layers > 0) {
    input_tokens = std::ssize(tokens);
    if (!request.on_hidden) tokens.push_back(spec.input.first_token);
  }
}

// Of a text that had given its memory away the cache may hold all but some of the latest tokens.
bool Sequence::is_generating() const {
  if (!started || request.max_tokens == 0) return false;
  return pending() == 1 || (drawn > 0 && pending() <= 1 + kMostGuesses);
}

std::int64_t Sequence::most_known() const {
  if (request.on_hidden && !request.last_hidden_only) return 0;
  const bool is_scored = !request.on_prompt_logprobs || scored + 1 == std::ssize(request.prompt);
  return is_scored ? std::ssize(tokens) - 1 : scored;
}

std::int64_t Sequence::rows_to_score(std::int64_t rows) const {
  if (!request.on_prompt_logprobs) return 0;
  const std::int64_t end = std::min(stored.computed + rows, std::ssize(request.prompt) - 1);
  return std::max<std::int64_t>(end - scored, 0);
}

void Sequence::add_token(TokenId token) {
  tokens.push_back(token);
  if (!media.empty()) text_tokens.push_back(token);
}

}  // namespace linnet
