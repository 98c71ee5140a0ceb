#include "backend/key_selection.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "support/random_floats.hpp"

namespace linnet {
namespace {

// The keys that std::partial_sort brings to the front, as llama.cpp picks.
std::vector<std::uint32_t> sorted_picks(const std::vector<float>& scores, int most) {
  std::vector<std::int32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  const auto end = order.begin() + std::min<std::ptrdiff_t>(most, std::ssize(order));
  std::partial_sort(order.begin(), end, order.end(),
                    [&](std::int32_t a, std::int32_t b) { return scores[a] > scores[b]; });
  std::vector<std::uint32_t> words((scores.size() + 31) / 32, 0);
  for (auto key = order.begin(); key != end; ++key) words[*key / 32] |= 1u << (*key % 32);
  return words;
}

void expect_sorted_picks(const std::vector<float>& scores) {
  for (const int most : {1, 2, 3, 31, 64, 500, 700, 1000}) {
    std::vector<std::uint32_t> words((scores.size() + 31) / 32, 0);
    pick_keys(scores, most, words.data());
    EXPECT_EQ(words, sorted_picks(scores, most)) << most << " of " << scores.size();
  }
}

// The header of pick_keys() promises the heap of libstdc++.
#ifdef __GLIBCXX__
TEST(KeySelection, EqualScoresFallAsPartialSortLeavesThem) {
  for (const std::size_t keys : {1, 2, 63, 501, 701, 1234}) {
    const std::vector<float> random = test::random_floats(static_cast<std::int64_t>(keys), 3);
    for (const float levels : {0.0f, 1.0f, 5.0f, 1e6f}) {
      std::vector<float> scores(keys);
      for (std::size_t i = 0; i < keys; ++i) scores[i] = std::round(random[i] * levels);
      expect_sorted_picks(scores);
      std::ranges::sort(scores);
      expect_sorted_picks(scores);
      std::ranges::reverse(scores);
      expect_sorted_picks(scores);
    }
  }
}

TEST(KeySelection, InfinitiesAndBothZeros) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::vector<float> scores = test::random_floats(900, 5);
  for (std::size_t i = 0; i < scores.size(); i += 3) scores[i] = i % 2 == 0 ? 0.0f : -0.0f;
  for (std::size_t i = 1; i < scores.size(); i += 7) scores[i] = -kInfinity;
  for (std::size_t i = 2; i < scores.size(); i += 11) scores[i] = kInfinity;
  expect_sorted_picks(scores);
  expect_sorted_picks(std::vector<float>(900, -kInfinity));
}
#endif

TEST(KeySelection, WhatIsNoNumberComesLast) {
  const float none = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> scores = {none, 1.0f, -std::numeric_limits<float>::infinity(), none};
  std::uint32_t word = 0;
  pick_keys(scores, 2, &word);
  EXPECT_EQ(word, 0b0110u);
}

TEST(KeySelection, BlocksHaveTheScoreOfTheirBestTokenAndTheLastOnesComeFirst) {
  const float none = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> scores = {-1.0f, -9.0f, none, 5.0f, -3.0f, -2.0f,
                                     -7.0f, 4.0f,  4.5f, none, -8.0f};
  const auto picks = [&](int most, int tokens, int recent) {
    SelectParams params;
    params.most = most;
    params.blocks = {tokens, recent};
    std::uint32_t word = 0;
    pick_token_blocks(scores, params, &word);
    return word;
  };
  EXPECT_EQ(picks(1, 3, 0), 0b00'000'111'000u);
  EXPECT_EQ(picks(2, 3, 1), 0b11'000'111'000u);
  EXPECT_EQ(picks(3, 3, 1), 0b11'111'111'000u);
  EXPECT_EQ(picks(2, 3, 2), 0b11'111'000'000u);
  EXPECT_EQ(picks(9, 3, 0), 0b11'111'111'111u);
  EXPECT_EQ(picks(1, 100, 0), 0b11'111'111'111u);
}

}  // namespace
}  // namespace linnet
