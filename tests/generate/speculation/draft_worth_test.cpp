#include "generate/speculation/draft_worth.hpp"

#include <gtest/gtest.h>

#include <random>

namespace linnet {
namespace {

// Steps whose guesses are right with this probability each; gives how many were asked for.
double guesses_for_a_step(double right, int steps = 4000) {
  DraftWorth worth(0.2);
  std::mt19937 random(1);
  std::bernoulli_distribution is_right(right);
  std::int64_t guesses = 0;
  for (int i = 0; i < steps; ++i) {
    const std::int64_t guessed = worth.next();
    guesses += guessed;
    std::int64_t accepted = 0;
    while (accepted < guessed && is_right(random)) ++accepted;
    if (guessed > 0) worth.report(guessed, accepted);
  }
  return static_cast<double>(guesses) / steps;
}

TEST(DraftWorth, AsksForMoreTheOftenerTheyAreRight) {
  EXPECT_GT(guesses_for_a_step(1.0), 7.0);
  EXPECT_NEAR(guesses_for_a_step(0.8), 4.0, 0.7);  // these bring most: 3.36 for 1.8
  EXPECT_NEAR(guesses_for_a_step(0.5), 1.4, 0.6);
}

TEST(DraftWorth, AsksForMoreTheCheaperTheyAre) {
  EXPECT_GT(DraftWorth(0.06).next(), DraftWorth(0.2).next());
  EXPECT_GT(DraftWorth(0.2).next(), DraftWorth(0.5).next());
  EXPECT_EQ(DraftWorth(3.0).next(), 1) << "what is dear is tried, too";
}

// What is paid once makes more guesses worth their own price, or none.
TEST(DraftWorth, UsesMoreOfABlock) {
  constexpr std::int64_t kMost = 15;
  DraftWorth single(0.05), block(0.05, 0.3, kMost), short_block(0.05, 0.3, 3);
  for (int i = 0; i < 100; ++i) {
    for (DraftWorth* worth : {&single, &block, &short_block}) worth->report(1, 1);
  }
  EXPECT_EQ(single.next(), DraftWorth::kMost);
  EXPECT_EQ(block.next(), kMost);
  EXPECT_EQ(short_block.next(), 3);
  DraftWorth dear(0.05, 0.5, kMost), cheap(0.05, 0.0, kMost);
  for (DraftWorth* worth : {&dear, &cheap}) {
    for (int i = 0; i < 20; ++i) worth->report(1, 0);
  }
  EXPECT_EQ(dear.next(), 0);
  EXPECT_GT(cheap.next(), 0);
}

TEST(DraftWorth, TriesNowAndThenWhereNoneIsWorthIt) {
  const double guesses = guesses_for_a_step(0.0);
  EXPECT_LT(guesses, 0.05);
  EXPECT_GT(guesses, 0.02);
}

TEST(DraftWorth, ComesBackWhenTheTextCanBeGuessedAgain) {
  DraftWorth worth(0.2);
  for (int i = 0; i < 200; ++i) worth.report(1, 0);
  int steps = 0;
  for (; worth.next() < 4 && steps < 10000; ++steps) worth.report(1, 1);
  EXPECT_LT(steps, 100);
}

}  // namespace
}  // namespace linnet
