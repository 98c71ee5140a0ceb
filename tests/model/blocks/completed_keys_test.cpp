#include "model/blocks/completed_keys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace linnet {
namespace {

using testing::ElementsAre;

// Two sequences in one batch: the rows 3 to 8 of one and 2 to 4 of the other.
TEST(CompletedKeysTest, ARowCompletesTheKeyThatItIsTheLastTokenOf) {
  const std::vector<std::int32_t> positions = {3, 4, 5, 6, 7, 8, 2, 3, 4};
  const std::vector<std::int32_t> sequences = {0, 0, 0, 0, 0, 0, 1, 1, 1};
  const BatchLayout batch{positions, sequences, {}, {}};
  const CompletedKeys keys(batch, 4);
  EXPECT_THAT(keys.first, ElementsAre(0, 4, 0));
  EXPECT_THAT(keys.last, ElementsAre(3, 7, 3));
  EXPECT_THAT(keys.sequences, ElementsAre(0, 0, 1));
  const BatchLayout places = keys.places(batch);
  EXPECT_THAT(places.positions, ElementsAre(3, 7, 3));
  EXPECT_THAT(places.sequences, ElementsAre(0, 0, 1));
}

}  // namespace
}  // namespace linnet
