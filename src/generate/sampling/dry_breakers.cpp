#include "generate/sampling/dry_breakers.hpp"

#include <algorithm>
#include <optional>

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

// A string, and the tokens of what is behind each of its bytes, as far as they count.
class Breaker {
 public:
  Breaker(const Tokenizer& tokenizer, const std::string& string)
      : tokenizer_(tokenizer), string_(string), rests_(string.size()) {}

  bool stands_in(std::string_view bytes) const {
    return !string_.empty() && bytes.find(string_) != std::string_view::npos;
  }
  // Adds the runs that begin with `token`, whose text is `bytes`, and make up the string.
  void add_runs(TokenId token, std::string_view bytes, std::vector<TokenRun>& runs) {
    const std::size_t most = std::min(bytes.size(), std::max<std::size_t>(string_.size(), 1) - 1);
    for (std::size_t length = 1; length <= most; ++length) {
      if (!bytes.ends_with(std::string_view(string_).substr(0, length))) continue;
      const std::vector<TokenId>& rest = behind(length);
      if (!rest.empty()) runs.push_back({token, rest});
    }
  }

 private:
  const std::vector<TokenId>& behind(std::size_t length) {
    auto& rest = rests_[length];
    if (!rest) {
      rest = encode_behind(tokenizer_, string_.substr(length));
      if (rest->size() > kLongestRest) rest->resize(kLongestRest);
    }
    return *rest;
  }

  const Tokenizer& tokenizer_;
  const std::string& string_;
  std::vector<std::optional<std::vector<TokenId>>> rests_;  // by the bytes in front of them
};

}  // namespace

DryBreakers find_breakers(const Tokenizer& tokenizer, std::span<const std::string> strings) {
  std::vector<Breaker> sought;
  for (const std::string& string : strings) sought.emplace_back(tokenizer, string);
  DryBreakers breakers;
  for (TokenId id = 0; id < tokenizer.vocabulary_size(); ++id) {
    const std::string bytes = tokenizer.token_bytes(id, /*show_special=*/true);
    bool is_one = false;
    for (Breaker& breaker : sought) {
      const bool is_whole = breaker.stands_in(bytes);
      is_one |= is_whole;
      if (!is_whole) breaker.add_runs(id, bytes, breakers.runs);
    }
    if (is_one) breakers.tokens.push_back(id);
  }
  return breakers;
}

}  // namespace linnet
