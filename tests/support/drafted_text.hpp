#pragma once

#include <gtest/gtest.h>

#include <span>
#include <utility>
#include <vector>

#include "generate/speculation/drafter.hpp"

namespace linnet::test {

/// A text whose beginnings a model has evaluated, all in one pass, as a drafter is told of it.
class DraftedText {
 public:
  explicit DraftedText(std::vector<TokenId> tokens) : tokens_(std::move(tokens)) {}

  std::span<const TokenId> tokens(std::int64_t count) const {
    return std::span(tokens_).first(static_cast<std::size_t>(count));
  }

  /// The model has evaluated [first, end) of `known` tokens.
  void observe(Drafter& drafter, std::int64_t known, std::int64_t first, std::int64_t end,
               std::uint64_t sequence = 0) const {
    drafter.observe({sequence, tokens(known), first, first, end - first});
  }

  /// What follows `known` tokens, of which the model keeps `stored`.
  std::vector<TokenId> guess(Drafter& drafter, std::int64_t known, std::int64_t most,
                             std::uint64_t sequence = 0,
                             const StoredSequence* stored = nullptr) const {
    std::vector<TokenId> guesses;
    const DraftQuery query{sequence, tokens(known), most, &guesses, stored};
    EXPECT_TRUE(drafter.propose({&query, 1}));
    return guesses;
  }

 private:
  std::vector<TokenId> tokens_;
};

}  // namespace linnet::test
