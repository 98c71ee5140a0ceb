#include "generate/sampling/dry_breakers.hpp"

#include <algorithm>

namespace linnet {
namespace {

constexpr std::size_t kLongestRest = 20;

// The tokens of a text that stands behind another one; SentencePiece would begin it with a space.
// None where it has none.
std::vector<TokenId> encode_behind(const Tokenizer& tokenizer, const std::string& text) {
  const std::string before = "\n";  // which hardly a token goes on from
  const auto head = tokenizer.encode(before, {});
  const auto all = tokenizer.encode(before + text, {});
  if (!head || !all) return {};  // it begins within a character
  const bool is_apart =
      head->size() <= all->size() && std::equal(head->begin(), head->end(), all->begin());
  if (is_apart) return {all->begin() + std::ssize(*head), all->end()};
  const auto alone = tokenizer.encode(text, {});
  return alone ? *alone : std::vector<TokenId>();
}

// Adds the runs that begin with `token`, whose text is `bytes`, and make up `string`.
void add_runs(const Tokenizer& tokenizer, TokenId token, std::string_view bytes,
              const std::string& string, std::vector<TokenRun>& runs) {
  for (std::size_t begin = 0; begin < bytes.size(); ++begin) {
    const std::string_view end_of_token = bytes.substr(begin);
    if (!string.starts_with(end_of_token)) continue;
    TokenRun run{token, encode_behind(tokenizer, string.substr(end_of_token.size()))};
    if (run.rest.empty()) continue;
    if (run.rest.size() > kLongestRest) run.rest.resize(kLongestRest);
    if (std::ranges::find(runs, run) == runs.end()) runs.push_back(std::move(run));
  }
}

}  // namespace

DryBreakers find_breakers(const Tokenizer& tokenizer, std::span<const std::string> strings) {
  DryBreakers breakers;
  for (TokenId id = 0; id < tokenizer.vocabulary_size(); ++id) {
    const std::string bytes = tokenizer.token_bytes(id, /*show_special=*/true);
    const auto stands_in_token = [&](const std::string& string) {
      return !string.empty() && bytes.find(string) != std::string::npos;
    };
    if (std::ranges::any_of(strings, stands_in_token)) breakers.tokens.push_back(id);
    for (const std::string& string : strings) {
      if (stands_in_token(string)) continue;
      add_runs(tokenizer, id, bytes, string, breakers.runs);
    }
  }
  return breakers;
}

}  // namespace linnet
