#include "encoder/row_layout.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace linnet {
namespace {

using testing::ElementsAre;

TEST(RowLayout, SequencesHavePagesOfTheirOwn) {
  const RowLayout rows(std::vector{static_cast<std::int32_t>(kPageTokens) + 1, 2});
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
