#include "serve/engines/media_room.hpp"

#include <gtest/gtest.h>

namespace linnet::serve {
namespace {

// A picture of 1000 bytes.
std::shared_ptr<const Medium> picture() {
  auto picture = std::make_shared<Medium>();
  picture->pieces.resize(1);
  picture->pieces.front().content = Image{20, 10, std::vector<std::uint8_t>(600)};
  picture->tokens.parts.resize(1);
  picture->tokens.parts.front().ids.resize(100);
  return picture;
}

TEST(MediaRoom, CountsThePicturesThatSomebodyHolds) {
  MediaRoom room(2500);
  Media one = {picture()}, two = {picture()}, three = {picture()};
  const Medium* const same = one.front().get();
  ASSERT_TRUE(room.hold(one));
  EXPECT_EQ(one.front().get(), same);
  ASSERT_TRUE(room.hold(two));
  EXPECT_EQ(room.held_bytes(), 2000);
  EXPECT_FALSE(room.hold(three));
  EXPECT_EQ(room.held_bytes(), 2000);
  const Media copy = one;
  one.clear();
  EXPECT_FALSE(room.hold(three)) << "the copy holds it still";
  two.clear();
  EXPECT_EQ(room.held_bytes(), 1000);
  EXPECT_TRUE(room.hold(three));
}

TEST(MediaRoom, AloneARequestHasWhatItNeeds) {
  MediaRoom room(2500);
  Media many(10, picture()), one = {picture()};
  EXPECT_TRUE(room.hold(many));
  EXPECT_FALSE(room.hold(one));
  many.clear();
  EXPECT_TRUE(room.hold(one));
}

TEST(MediaRoom, WhoHasNoMediaWaitsForNobodys) {
  MediaRoom room(2500);
  Media many(10, picture()), none;
  ASSERT_TRUE(room.hold(many));
  EXPECT_TRUE(room.hold(none));
}

TEST(MediaRoom, PicturesMayLiveLonger) {
  Media pictures = {picture()};
  ASSERT_TRUE(MediaRoom(2500).hold(pictures));
  EXPECT_EQ(pictures.front()->tokens.parts.front().ids.size(), 100);
}

}  // namespace
}  // namespace linnet::serve
