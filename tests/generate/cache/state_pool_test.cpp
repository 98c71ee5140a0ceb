#include "generate/state_pool.hpp"

#include <gtest/gtest.h>

namespace linnet {
namespace {

TEST(StatePoolTest, GivesEachSlotToOneSequence) {
  StatePool pool(2);
  const auto a = pool.take(), b = pool.take();
  ASSERT_TRUE(a && b);
  EXPECT_NE(*a, *b);
  EXPECT_FALSE(pool.take());
  pool.release(*a);
  EXPECT_EQ(pool.take(), a);
}

TEST(StatePoolTest, TheLongestUnusedCheckpointMakesRoom) {
  StatePool pool(3);
  const auto first = pool.remember(1), second = pool.remember(2), third = pool.remember(3);
  ASSERT_TRUE(first && second && third);
  EXPECT_EQ(pool.find(1), first);  // now the most recently used
  EXPECT_EQ(pool.take(), second);
  EXPECT_FALSE(pool.find(2));
  EXPECT_EQ(pool.find(3), third);
  EXPECT_FALSE(pool.remember(3)) << "it is known";
}

TEST(StatePoolTest, TheCheckpointThatIsToBeCopiedMakesRoomLast) {
  StatePool pool(2);
  const auto first = pool.remember(1), second = pool.remember(2);
  EXPECT_EQ(pool.take(first), second);
  EXPECT_EQ(pool.take(first), first);
  EXPECT_FALSE(pool.find(1));
}

TEST(StatePoolTest, RunningSequencesAreNotCheckpoints) {
  StatePool pool(1);
  ASSERT_TRUE(pool.take());
  EXPECT_FALSE(pool.remember(1));
  EXPECT_FALSE(pool.find(1));
}

}  // namespace
}  // namespace linnet
