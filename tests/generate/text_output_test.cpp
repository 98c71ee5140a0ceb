#include "generate/text_output.hpp"

#include <gtest/gtest.h>

namespace linnet {
namespace {

std::string shown(StopStrings& stop, const std::vector<std::string>& pieces) {
  std::string text;
  for (const std::string& piece : pieces) text += stop.push(piece);
  return text;
}

TEST(StopStrings, AreFoundAcrossPiecesAndNotShown) {
  StopStrings stop({"END", "\n\nUser:"});
  EXPECT_EQ(shown(stop, {"some text\n", "\nUs", "er", ": more", "even more"}), "some text");
  EXPECT_TRUE(stop.stopped());
  EXPECT_EQ(stop.finish(), "");
}

TEST(StopStrings, WhatOnlyBeginsLikeOneIsShownLater) {
  StopStrings stop({"END"});
  EXPECT_EQ(stop.push("the E"), "the ");
  EXPECT_EQ(stop.push("N"), "");
  EXPECT_EQ(stop.push("EN"), "EN");
  EXPECT_EQ(stop.finish(), "EN");
  EXPECT_FALSE(stop.stopped());
}

TEST(StopStrings, TheFirstInTheTextCounts) {
  StopStrings stop({"later", "b"});
  EXPECT_EQ(shown(stop, {"abc later"}), "a");
  EXPECT_EQ(stop.stopped_by(), "b");
}

TEST(StopStrings, RepeatedBeginningsAreNotMissed) {
  StopStrings stop({"aab"});
  EXPECT_EQ(shown(stop, {"a", "a", "a", "b"}), "a");
  EXPECT_TRUE(stop.stopped());
}

TEST(StopStrings, EmptyOnesStopNothing) {
  StopStrings stop({""});
  EXPECT_EQ(shown(stop, {"abc", ""}), "abc");
  EXPECT_FALSE(stop.stopped());
}

}  // namespace
}  // namespace linnet
