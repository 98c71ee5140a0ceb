#include "serve/stop_matcher.hpp"

#include <gtest/gtest.h>

namespace linnet::serve {
namespace {

TEST(StopMatcher, HoldsBackWhatMayBeTheBeginning) {
  StopMatcher matcher({"END", "ENOUGH"});
  EXPECT_EQ(matcher.push("the E"), "the ");
  EXPECT_EQ(matcher.push("N"), "");
  EXPECT_EQ(matcher.push("EN"), "EN");
  EXPECT_EQ(matcher.push("D and more"), "");
  EXPECT_TRUE(matcher.stopped());
  EXPECT_EQ(matcher.push("more"), "");
}

TEST(StopMatcher, TheFirstPlaceCounts) {
  StopMatcher matcher({"late", "a"});
  EXPECT_EQ(matcher.push("l"), "");
  EXPECT_EQ(matcher.push("ate"), "");  // "late" begins before "a" does
  EXPECT_TRUE(matcher.stopped());
}

TEST(StopMatcher, GivesTheRestAtTheEnd) {
  StopMatcher matcher({"stop"});
  EXPECT_EQ(matcher.push("one sto"), "one ");
  EXPECT_EQ(matcher.finish(), "sto");
  EXPECT_FALSE(matcher.stopped());
}

TEST(StopMatcher, WithoutStopsAllPasses) {
  StopMatcher matcher({});
  EXPECT_EQ(matcher.push("text"), "text");
}

}  // namespace
}  // namespace linnet::serve
