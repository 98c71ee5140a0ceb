#include "vision/crop_windows.hpp"

#include <gtest/gtest.h>

namespace linnet {
namespace {

CropWindows windows_of(PictureSize size) { return crop_windows(size, 728, 504); }

TEST(CropWindows, SmallPicturesAreWhole) {
  EXPECT_EQ(windows_of({728, 728}).side, 0);
  EXPECT_EQ(windows_of({728, 490}).side, 0);
}

TEST(CropWindows, SmallLongOnesHaveWindowsAsWideAsTheyAre) {
  const CropWindows windows = windows_of({700, 200});  // 3.5 windows
  EXPECT_EQ(windows.side, 200);
  EXPECT_EQ(windows.extent, (PictureSize{800, 200}));
  EXPECT_EQ(windows.grid, (Grid{4, 1}));
}

TEST(CropWindows, ARestOfAFifthIsSqueezedIn) {
  EXPECT_EQ(windows_of({1100, 1100}).grid, (Grid{2, 2}));  // 2.18
  EXPECT_EQ(windows_of({1120, 1120}).grid, (Grid{3, 3}));  // 2.22
  EXPECT_EQ(windows_of({1120, 1120}).extent, (PictureSize{1512, 1512}));
}

TEST(CropWindows, NarrowerThanAWindow) {
  const CropWindows windows = windows_of({1008, 400});
  EXPECT_EQ(windows.side, 504);
  EXPECT_EQ(windows.extent, (PictureSize{1008, 400}));
  EXPECT_EQ(windows.grid, (Grid{2, 1}));
  EXPECT_EQ(windows_of({2000, 400}).side, 400);  // more than 4 : 1
}

TEST(Narrowed, ShrinksToTheLongestSide) {
  EXPECT_EQ(narrowed({6048, 3024}, 3024).canvas, (PictureSize{3024, 1512}));
  EXPECT_EQ(narrowed({100, 50}, 3024).canvas, (PictureSize{100, 50}));
}

TEST(Narrowed, NarrowOnesStandInASquare) {
  EXPECT_EQ(narrowed({200, 20}, 3024).canvas, (PictureSize{200, 200}));
  EXPECT_EQ(narrowed({200, 20}, 3024).picture, (PictureSize{200, 20}));
  EXPECT_EQ(narrowed({20, 20}, 3024).canvas, (PictureSize{20, 20}));
  EXPECT_EQ(narrowed({1, 100000}, 3024).canvas, (PictureSize{3024, 3024}));
  EXPECT_EQ(narrowed({1, 100000}, 3024).picture, (PictureSize{1, 3024}));
}

}  // namespace
}  // namespace linnet
