#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tokenizer/vocabulary_file.hpp"

namespace linnet {
namespace {

using test::Ids;

test::VocabularyFile vocabulary() {
  auto file = test::sentencepiece_vocabulary("plamo2");
  file.add("a", PieceType::kNormal, -3);   // 259
  file.add("b", PieceType::kNormal, -3);   // 260
  file.add("ab", PieceType::kNormal, -7);  // 261
  file.add("ba", PieceType::kNormal, -1);  // 262
  return file;
}

TEST(Plamo2Test, TakesTheBestSumOfScores) {
  const auto tokenizer = test::make(vocabulary());
  EXPECT_EQ(test::encode(*tokenizer, "ab"), (Ids{259, 260}));
  EXPECT_EQ(test::encode(*tokenizer, "aba"), (Ids{259, 262}));
  EXPECT_EQ(test::decode(*tokenizer, {259, 262}), "aba");
}

TEST(Plamo2Test, OfEqualSumsTheFirstPieceIsTheLongest) {
  auto file = vocabulary();
  file.scores[261] = -6;
  EXPECT_EQ(test::encode(*test::make(file), "ab"), (Ids{261}));
}

TEST(Plamo2Test, UnknownCharactersAreBytes) {
  const auto tokenizer = test::make(vocabulary());
  EXPECT_EQ(test::encode(*tokenizer, "aé"), (Ids{259, 3 + 0xc3, 3 + 0xa9}));
  EXPECT_EQ(test::encode(*tokenizer, "\ufeffa"), (Ids{259}));
}

TEST(Plamo2Test, UnknownCharactersAreUnknownTokensOrAnError) {
  auto file = vocabulary();
  file.tokens[3 + 0xa9] = "gone";
  file.ids = {{"unknown_token_id", 0}};
  EXPECT_EQ(test::encode(*test::make(file), "aé"), (Ids{259, 3 + 0xc3, 0}));
}

// All ways to write `text`, the definition.
double best_cost(const std::map<std::string, double>& costs, const std::string& text) {
  if (text.empty()) return 0;
  double best = 1e7 + best_cost(costs, text.substr(1));
  for (const auto& [piece, cost] : costs) {
    if (text.starts_with(piece)) {
      best = std::min(best, cost + best_cost(costs, text.substr(piece.size())));
    }
  }
  return best;
}

TEST(Plamo2Test, NoWayIsBetterThanTheOneTaken) {
  std::mt19937 random(3);
  for (int round = 0; round < 100; ++round) {
    auto file = test::sentencepiece_vocabulary("plamo2");
    std::map<std::string, double> costs;
    for (int i = 0; i < 8; ++i) {
      std::string piece;
      for (std::size_t j = 0; j <= random() % 4; ++j)
        piece += static_cast<char>('a' + random() % 3);
      const double score = -static_cast<double>(random() % 90);
      if (!costs.emplace(piece, -score * 1e4).second) continue;
      file.add(piece, PieceType::kNormal, score);
    }
    std::string text;
    for (int i = 0; i < 9; ++i) text += static_cast<char>('a' + random() % 3);
    const auto tokenizer = test::make(file);
    double cost = 0;
    std::string written;
    for (const TokenId id : test::encode(*tokenizer, text)) {
      const std::string bytes = tokenizer->token_bytes(id, false);
      cost += id < 259 ? 1e7 : costs.at(bytes);
      written += bytes;
    }
    EXPECT_EQ(written, text);
    EXPECT_EQ(cost, best_cost(costs, text)) << text;
  }
}

}  // namespace
}  // namespace linnet
