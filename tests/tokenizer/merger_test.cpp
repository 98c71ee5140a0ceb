#include "tokenizer/merger.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace linnet {
namespace {

using Pairs = std::map<std::pair<TokenId, TokenId>, Merge>;

void begin_word(const std::vector<TokenId>& tokens, Merger& merger) {
  merger.begin(tokens.size());
  for (std::uint32_t i = 0; i < tokens.size(); ++i) merger.add(i, tokens[i]);
}

std::vector<TokenId> merge(const Pairs& pairs, const std::vector<TokenId>& tokens) {
  Merger merger;
  begin_word(tokens, merger);
  const auto merge_of = [&](const Symbol& left, const Symbol& right) {
    EXPECT_EQ(left.begin + left.bytes, right.begin);
    const auto found = pairs.find({left.token, right.token});
    return found == pairs.end() ? Merge{0, -1} : found->second;
  };
  merger.run(static_cast<std::uint32_t>(tokens.size()), merge_of, [] { return false; });
  std::vector<TokenId> result;
  std::uint32_t end = 0;
  merger.for_each([&](const Symbol& symbol) {
    EXPECT_EQ(symbol.begin, end);
    end += symbol.bytes;
    result.push_back(symbol.token);
  });
  EXPECT_EQ(end, tokens.size());
  return result;
}

// The definition: again and again the leftmost of the lowest pairs.
std::vector<TokenId> merge_slowly(const Pairs& pairs, std::vector<TokenId> tokens) {
  while (true) {
    std::optional<std::pair<std::uint32_t, std::size_t>> best;
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
      const auto found = pairs.find({tokens[i], tokens[i + 1]});
      if (found == pairs.end()) continue;
      if (!best || found->second.order < best->first) best = {found->second.order, i};
    }
    if (!best) return tokens;
    const std::size_t i = best->second;
    tokens[i] = pairs.at({tokens[i], tokens[i + 1]}).token;
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(i) + 1);
  }
}

TEST(MergerTest, AgreesWithTheDefinition) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    Pairs pairs;
    const int orders = 1 + static_cast<int>(random() % 12);  // equal orders, too
    for (int i = 0; i < 25; ++i) {
      const TokenId left = static_cast<TokenId>(random() % 8);
      const TokenId right = static_cast<TokenId>(random() % 8);
      pairs[{left, right}] = {static_cast<std::uint32_t>(random() % orders),
                              static_cast<TokenId>(random() % 8)};
    }
    std::vector<TokenId> tokens(random() % 40);
    for (TokenId& token : tokens) token = static_cast<TokenId>(random() % 4);
    ASSERT_EQ(merge(pairs, tokens), merge_slowly(pairs, tokens)) << "round " << round;
  }
}

TEST(MergerTest, ShortWordsAreLeftAlone) {
  EXPECT_EQ(merge({}, {}), (std::vector<TokenId>{}));
  EXPECT_EQ(merge({{{1, 1}, {0, 2}}}, {1}), (std::vector<TokenId>{1}));
}

TEST(MergerTest, AWordOfMillionsOfSymbolsTakesNoAge) {
  // Doubling: 1+1=2, 2+2=3 and so on; a quadratic algorithm would not come to an end.
  Pairs pairs;
  for (TokenId i = 1; i < 30; ++i) pairs[{i, i}] = {static_cast<std::uint32_t>(i), i + 1};
  const std::vector<TokenId> result = merge(pairs, std::vector<TokenId>(1 << 21, 1));
  EXPECT_EQ(result, (std::vector<TokenId>{22}));
}

TEST(MergerTest, EndsEarlyWhereItIsGivenUp) {
  Pairs pairs;
  for (TokenId i = 1; i < 30; ++i) pairs[{i, i}] = {static_cast<std::uint32_t>(i), i + 1};
  const auto merge_of = [&](const Symbol& left, const Symbol& right) {
    const auto found = pairs.find({left.token, right.token});
    return found == pairs.end() ? Merge{0, -1} : found->second;
  };
  Merger merger;
  // While the pairs are looked at first, and while they are merged.
  for (const int most : {3, 18}) {
    begin_word(std::vector<TokenId>(1 << 20, 1), merger);
    int questions = 0, left = 0;
    merger.run(1 << 20, merge_of, [&] { return ++questions == most; });
    EXPECT_EQ(questions, most);
    merger.for_each([&](const Symbol&) { ++left; });
    EXPECT_GT(left, 1 << 19) << "most pairs are left";
  }
}

}  // namespace
}  // namespace linnet
