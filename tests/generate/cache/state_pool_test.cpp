#include "generate/cache/state_pool.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "generate/cache/prefix_hash.hpp"

namespace linnet {
namespace {

const std::vector<std::int32_t> kTokens = {5, 6, 7, 8, 9};

std::uint64_t hash_of(std::int64_t tokens) {
  return extend_prefix_hash(empty_prefix_hash(), std::span(kTokens).first(tokens));
}

TEST(StatePoolTest, GivesEachSlotToOneSequence) {
  StatePool pool(2);
  const auto a = pool.take(), b = pool.take();
  ASSERT_TRUE(a && b);
  EXPECT_NE(*a, *b);
  EXPECT_FALSE(pool.take());
  pool.release(*a);
  EXPECT_EQ(pool.take(), a);
}

TEST(StatePoolTest, FindsTheLongestBeginning) {
  StatePool pool(3);
  const auto shorter = pool.remember(2, hash_of(2)), longer = pool.remember(4, hash_of(4));
  pool.remember(3, 12345);  // of other tokens
  ASSERT_TRUE(shorter && longer);
  EXPECT_EQ(pool.find_longest(kTokens)->slot, *longer);
  EXPECT_EQ(pool.find_longest(kTokens)->tokens, 4);
  EXPECT_EQ(pool.find_longest(std::span(kTokens).first(3))->slot, *shorter);
  EXPECT_FALSE(pool.find_longest(std::span(kTokens).first(1)));
  EXPECT_EQ(pool.find(kTokens).size(), 2u);
}

TEST(StatePoolTest, TheLongestUnusedCheckpointMakesRoom) {
  StatePool pool(3);
  const auto first = pool.remember(1, hash_of(1)), second = pool.remember(2, hash_of(2)),
             third = pool.remember(3, hash_of(3));
  ASSERT_TRUE(first && second && third);
  pool.find_longest(std::span(kTokens).first(1));  // now the most recently used
  EXPECT_EQ(pool.take(), second);
  EXPECT_EQ(pool.find(kTokens).size(), 2u);
  EXPECT_FALSE(pool.remember(3, hash_of(3))) << "it is known";
}

TEST(StatePoolTest, TheCheckpointThatIsToBeCopiedMakesRoomLast) {
  StatePool pool(2);
  const auto first = pool.remember(1, hash_of(1)), second = pool.remember(2, hash_of(2));
  EXPECT_EQ(pool.take(first), second);
  EXPECT_EQ(pool.take(first), first);
  EXPECT_TRUE(pool.find(kTokens).empty());
}

TEST(StatePoolTest, RunningSequencesAreNotCheckpoints) {
  StatePool pool(1);
  const auto slot = pool.take();
  ASSERT_TRUE(slot);
  EXPECT_FALSE(pool.remember(1, hash_of(1)));
  EXPECT_TRUE(pool.find(kTokens).empty());
  pool.release_as_checkpoint({*slot, 2, hash_of(2)});
  EXPECT_EQ(pool.find_longest(kTokens)->tokens, 2);
  EXPECT_EQ(pool.take(), slot) << "a checkpoint makes room";
}

}  // namespace
}  // namespace linnet
