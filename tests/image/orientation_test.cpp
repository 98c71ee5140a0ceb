#include "image/codecs/orientation.hpp"

#include <gtest/gtest.h>

#include "image/support.hpp"

namespace linnet {
namespace {

int orientation_of(const std::string& exif) { return exif_orientation(test::bytes_of(exif)); }

// A directory of one entry, of these eight bytes and an orientation.
std::string exif(const std::string& entry, char orientation) {
  return std::string("II*\0\x08\0\0\0\x01\0", 10) + entry + orientation + std::string(3, '\0');
}

const std::string kEntry("\x12\x01\x03\0\x01\0\0\0", 8);

TEST(OrientationTest, IsReadWithAndWithoutAName) {
  for (const char orientation : {1, 2, 3, 4, 5, 6, 7, 8}) {
    EXPECT_EQ(orientation_of(exif(kEntry, orientation)), orientation);
    EXPECT_EQ(orientation_of(std::string("Exif\0\0", 6) + exif(kEntry, orientation)), orientation);
  }
}

TEST(OrientationTest, WhatIsNoneIsUpright) {
  EXPECT_EQ(orientation_of(exif(kEntry, 0)), kUpright);
  EXPECT_EQ(orientation_of(exif(kEntry, 9)), kUpright);
  EXPECT_EQ(orientation_of(exif(std::string("\x13\x01\x03\0\x01\0\0\0", 8), 6)), kUpright);
  EXPECT_EQ(orientation_of(exif(std::string("\x12\x01\x04\0\x01\0\0\0", 8), 6)), kUpright);
}

TEST(OrientationTest, CutOrOutOfPlaceIsUpright) {
  const std::string whole = exif(kEntry, 6);
  for (std::size_t size_bytes = 0; size_bytes < 20; ++size_bytes) {
    EXPECT_EQ(orientation_of(std::string(whole.data(), size_bytes)), kUpright) << size_bytes;
  }
  std::string far = whole;
  far.replace(4, 4, 4, '\xff');
  EXPECT_EQ(orientation_of(far), kUpright);
  std::string many = exif(std::string(8, '\0'), 6);
  many.replace(8, 2, 2, '\xff');
  EXPECT_EQ(orientation_of(many), kUpright);
}

// The corners of a picture of two by two pixels, told by the red in them.
TEST(OrientationTest, TurnsWhatIsStoredToWhatIsSeen) {
  const std::string expected[] = {"abcd", "badc", "dcba", "cdab", "acbd", "cadb", "dbca", "bdac"};
  const Image stored = {2, 2, {'a', 0, 0, 'b', 0, 0, 'c', 0, 0, 'd', 0, 0}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const Image seen = turned(stored, orientation);
    std::string corners;
    for (int i = 0; i < 4; ++i) corners += static_cast<char>(seen.pixels[3 * i]);
    EXPECT_EQ(corners, expected[orientation - 1]) << orientation;
  }
}

}  // namespace
}  // namespace linnet
