#include "model/blocks/head_columns.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/spec/attention_spec.hpp"

namespace linnet {
namespace {

using testing::ElementsAre;

TEST(HeadColumnsTest, PartsOfAllHeadsComeTogether) {
  const std::int64_t equal[] = {2, 2};
  EXPECT_THAT(parts_together(2, equal), ElementsAre(0, 1, 4, 5, 2, 3, 6, 7));
  const std::int64_t unequal[] = {1, 3};
  EXPECT_THAT(parts_together(2, unequal), ElementsAre(0, 4, 1, 2, 3, 5, 6, 7));
}

TEST(HeadColumnsTest, AreThoseOfAllHeads) {
  AttentionSpec spec;
  spec.heads = 6;
  spec.kv_heads = 2;
  spec.key_width = 5;
  spec.value_width = 3;
  EXPECT_EQ(query_columns(spec), 30);
  EXPECT_EQ(key_columns(spec), 10);
  EXPECT_EQ(value_columns(spec), 6);
  EXPECT_EQ(result_columns(spec), 18);
}

}  // namespace
}  // namespace linnet
