#include "vision/patch_windows.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace linnet {
namespace {

using testing::ElementsAre;

TEST(OrderPatches, OneWindowByRows) {
  const PatchOrder order = order_patches({3, 2}, 0);
  EXPECT_THAT(order.patches, ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(order.windows, ElementsAre(6));
}

TEST(OrderPatches, WindowsAtTheEdgeAreSmaller) {
  const PatchOrder order = order_patches({5, 3}, 2);
  EXPECT_THAT(order.patches, ElementsAre(0, 1, 5, 6, 2, 3, 7, 8, 4, 9, 10, 11, 12, 13, 14));
  EXPECT_THAT(order.windows, ElementsAre(4, 4, 2, 2, 2, 1));
}

TEST(OrderPatches, WindowsLargerThanThePicture) {
  const PatchOrder order = order_patches({2, 2}, 100);
  EXPECT_THAT(order.patches, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(order.windows, ElementsAre(4));
}

}  // namespace
}  // namespace linnet
