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

TEST(RowLayout, SequencesHavePagesOfTheirOwn) {
  const RowLayout rows({static_cast<std::int32_t>(kPageTokens) + 1, 2});
  const BatchLayout layout = rows.layout();
  const std::size_t first = kPageTokens + 1;
  ASSERT_EQ(layout.positions.size(), first + 2);
  ASSERT_EQ(layout.sequences.size(), first + 2);
  EXPECT_EQ(layout.positions[first - 1], kPageTokens);
  EXPECT_EQ(layout.positions[first], 0);
  EXPECT_EQ(layout.positions[first + 1], 1);
  EXPECT_EQ(layout.sequences[first - 1], 0);
  EXPECT_EQ(layout.sequences[first], 1);
  EXPECT_THAT(layout.lengths, ElementsAre(kPageTokens + 1, 2));
  ASSERT_EQ(layout.page_tables.size(), 2u);
  EXPECT_THAT(layout.page_tables[0], ElementsAre(0, 1));
  EXPECT_THAT(layout.page_tables[1], ElementsAre(2));
  EXPECT_EQ(rows.pages(), 3);
}

}  // namespace
}  // namespace linnet
