#include "image/image.hpp"

#include <gtest/gtest.h>

namespace linnet {
namespace {

// The pixel in column x and row y is (x, y, 7).
Image numbered(int width, int height) {
  Image image{width, height, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (const int sample : {x, y, 7}) image.pixels.push_back(static_cast<std::uint8_t>(sample));
    }
  }
  return image;
}

TEST(ImageTest, FilledHasOneColour) {
  EXPECT_EQ(filled(2, 1, {1, 2, 3}), (Image{2, 1, {1, 2, 3, 1, 2, 3}}));
  EXPECT_EQ(filled(0, 4, kWhite), (Image{0, 4, {}}));
}

TEST(ImageTest, CropTakesAPart) {
  EXPECT_EQ(crop(numbered(5, 4), 2, 1, 2, 2), (Image{2, 2, {2, 1, 7, 3, 1, 7, 2, 2, 7, 3, 2, 7}}));
  EXPECT_EQ(crop(numbered(5, 4), 0, 0, 5, 4), numbered(5, 4));
  EXPECT_EQ(crop(numbered(5, 4), 5, 4, 0, 0), (Image{0, 0, {}}));
}

TEST(ImageTest, PasteReplacesAPart) {
  Image canvas = filled(3, 2, kWhite);
  paste(canvas, filled(1, 2, {9, 8, 7}), 2, 0);
  EXPECT_EQ(canvas, (Image{3,
                           2,
                           {255, 255, 255, 255, 255, 255, 9, 8, 7,  //
                            255, 255, 255, 255, 255, 255, 9, 8, 7}}));
  paste(canvas, numbered(3, 2), 0, 0);
  EXPECT_EQ(canvas, numbered(3, 2));
}

}  // namespace
}  // namespace linnet
