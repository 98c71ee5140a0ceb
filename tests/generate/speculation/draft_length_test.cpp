#include "generate/speculation/draft_length.hpp"

#include <gtest/gtest.h>

namespace linnet {
namespace {

TEST(DraftLength, GrowsWhileAllIsRight) {
  DraftLength length;
  std::int64_t before = 0;
  for (int i = 0; i < 10; ++i) {
    const std::int64_t next = length.next();
    EXPECT_TRUE(next > before || next == kMostGuesses) << next;
    length.report(next, next);
    before = next;
  }
  EXPECT_EQ(length.next(), kMostGuesses);
}

TEST(DraftLength, FollowsWhatIsAccepted) {
  DraftLength length;
  length.report(8, 2);
  EXPECT_EQ(length.next(), 3);
  length.report(2, 2);  // fewer were guessed than asked for
  EXPECT_EQ(length.next(), 4);
}

TEST(DraftLength, RestsLongerAndLongerWhileAllIsWrong) {
  DraftLength length;
  int guessed = 0;
  constexpr int kSteps = 1000;
  for (int step = 0; step < kSteps; ++step) {
    const std::int64_t next = length.next();
    guessed += static_cast<int>(next);
    if (next > 0) length.report(next, 0);
  }
  EXPECT_LT(guessed, kSteps / 20);
  EXPECT_GT(guessed, kSteps / 50) << "it still tries";
}

TEST(DraftLength, OneRightGuessEndsTheRest) {
  DraftLength length;
  for (int i = 0; i < 8; ++i) length.report(1, 0);
  while (length.next() == 0) continue;
  length.report(1, 1);
  EXPECT_EQ(length.next(), 2);
}

}  // namespace
}  // namespace linnet
