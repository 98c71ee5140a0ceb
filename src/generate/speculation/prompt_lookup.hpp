#pragma once

#include <array>
#include <unordered_map>

#include "base/token_id.hpp"
#include "generate/speculation/drafter.hpp"

namespace linnet {

/// Guesses that a text goes on as it did after the latest place with the same last tokens: what is
/// quoted, edited or repeated (https://github.com/apoorvumang/prompt-lookup-decoding). The cost of
/// a token does not depend on the length of the text.
class PromptLookup final : public Drafter {
 public:
  /// Guesses tokens below `vocabulary` only: the others are of pictures and sounds.
  explicit PromptLookup(std::int64_t vocabulary) : vocabulary_(vocabulary) {}

  Status propose(std::span<const DraftQuery> queries) override;
  void end(std::uint64_t sequence, std::span<const TokenId> tokens) override;

 private:
  static constexpr std::array<std::size_t, 2> kPhraseTokens = {4, 2};  // the longer ones first
  using Places = std::unordered_map<std::uint64_t, std::size_t>;

  // Where texts went on after phrases, by the phrase's hash.
  struct Index {
    std::array<Places, kPhraseTokens.size()> places;
    std::size_t end = 0;  // of what was added
  };

  static void extend(Index& index, std::span<const TokenId> tokens);
  void guess(const Index& index, const DraftQuery& query) const;

  std::int64_t vocabulary_;
  std::unordered_map<std::uint64_t, Index> indexes_;  // by sequence
};

}  // namespace linnet
