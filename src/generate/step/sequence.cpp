#include "generate/step/sequence.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "generate/speculation/drafter.hpp"

namespace linnet {

Sequence::Sequence(GenerateRequest wanted, std::uint64_t number, const ModelSpec& spec,
                   const VisionSpec* vision)
    : request(std::move(wanted)), id(number), chain(request.sampling), tokens(request.prompt) {
  if (!request.pictures.empty()) {
    pictures = PromptPictures(*vision, tokens, request.pictures);
    std::ranges::copy_if(tokens, std::back_inserter(text_tokens),
                         [&](TokenId token) { return token < spec.vocabulary; });
  }
  if (spec.input.layers > 0) {
    input_tokens = std::ssize(tokens);
    if (!request.on_hidden) tokens.push_back(spec.input.first_token);
  }
}

// After guesses that were wrong, recurrent state stands some tokens behind.
bool Sequence::is_generating() const {
  if (!started || request.on_hidden) return false;
  return pending() == 1 || (drawn > 0 && pending() <= 1 + kMostGuesses);
}

void Sequence::add_token(std::int32_t token) {
  tokens.push_back(token);
  if (!pictures.empty()) text_tokens.push_back(token);
}

}  // namespace linnet
