#include "vision/place_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "support/tensor_file.hpp"

namespace linnet {
namespace {

constexpr std::int64_t kWidth = 3;

VisionSpec spec_of(PlaceTable kind, ClassToken class_token = ClassToken::kNone) {
  VisionSpec spec;
  spec.tower.width = kWidth;
  spec.patch_side = 1;
  spec.places = kind;
  spec.class_token = class_token;
  return spec;
}

class PlaceTableTest : public testing::Test {
 protected:
  // A table of so many rows.
  PlaceTableValues load(const VisionSpec& spec, std::vector<std::int64_t> rows) {
    rows.insert(rows.begin(), kWidth);
    test::TensorFile file;
    file.tensor("v.position_embd.weight", rows);
    table_ = file.values("v.position_embd.weight");
    WeightLoader loader(file.file(), file.backend());
    PlaceTableValues places(loader, spec);
    error_ = loader.failed() ? loader.finish().error().message : "";
    return places;
  }

  std::vector<float> row(std::int64_t i) const {
    return {table_.begin() + i * kWidth, table_.begin() + (i + 1) * kWidth};
  }

  // Of shares of rows of the table.
  std::vector<float> mixed(const std::vector<std::pair<int, float>>& shares) const {
    std::vector<float> sum(kWidth, 0.0f);
    for (const auto& [i, share] : shares) {
      for (std::int64_t c = 0; c < kWidth; ++c) sum[c] += share * row(i)[c];
    }
    return sum;
  }

  static void expect_near(const std::vector<float>& got, const std::vector<float>& expected) {
    EXPECT_THAT(got, testing::Pointwise(testing::FloatNear(1e-6f), expected));
  }

  std::vector<float> table_;
  std::string error_;
};

std::vector<float> place(const PlaceTableValues& places, Grid grid, std::int32_t patch) {
  return places.of(grid, {&patch, 1});
}

TEST_F(PlaceTableTest, GridHasARowForEachPatch) {
  VisionSpec spec = spec_of(PlaceTable::kGrid);
  spec.sizing.fixed_side = 2;
  const PlaceTableValues places = load(spec, {4});
  EXPECT_EQ(error_, "");
  for (int i = 0; i < 4; ++i) EXPECT_EQ(place(places, {2, 2}, i), row(i));
}

TEST_F(PlaceTableTest, ClassTokenFirst) {
  const PlaceTableValues places = load(spec_of(PlaceTable::kCorners, ClassToken::kFirst), {5});
  EXPECT_EQ(error_, "");
  EXPECT_THAT(places.of_class_token(), testing::ElementsAreArray(row(0)));
  EXPECT_EQ(place(places, {2, 2}, 3), row(4));
}

TEST_F(PlaceTableTest, ClassTokenLast) {
  const PlaceTableValues places = load(spec_of(PlaceTable::kCorners, ClassToken::kLast), {5});
  EXPECT_EQ(error_, "");
  EXPECT_THAT(places.of_class_token(), testing::ElementsAreArray(row(4)));
  EXPECT_EQ(place(places, {2, 2}, 3), row(3));
}

TEST_F(PlaceTableTest, CornersOnCorners) {
  const PlaceTableValues places = load(spec_of(PlaceTable::kCorners), {4});
  EXPECT_EQ(place(places, {3, 5}, 0), row(0));
  EXPECT_EQ(place(places, {3, 5}, 2), row(1));
  EXPECT_EQ(place(places, {3, 5}, 14), row(3));
  expect_near(place(places, {3, 5}, 7), mixed({{0, .25f}, {1, .25f}, {2, .25f}, {3, .25f}}));
  expect_near(place(places, {3, 5}, 3), mixed({{0, .75f}, {2, .25f}}));
}

TEST_F(PlaceTableTest, EdgesOnEdges) {
  const PlaceTableValues places = load(spec_of(PlaceTable::kBilinear), {4});
  expect_near(place(places, {1, 1}, 0), mixed({{0, .25f}, {1, .25f}, {2, .25f}, {3, .25f}}));
  expect_near(place(places, {4, 2}, 0), row(0));
  expect_near(place(places, {4, 2}, 1), mixed({{0, .75f}, {1, .25f}}));
  expect_near(place(places, {4, 2}, 6), mixed({{2, .25f}, {3, .75f}}));
}

TEST_F(PlaceTableTest, BetweenTheNearestPlaces) {
  const PlaceTableValues places = load(spec_of(PlaceTable::kBetween), {16});
  expect_near(place(places, {2, 4}, 0), mixed({{0, .5f}, {1, .5f}}));
  expect_near(place(places, {2, 4}, 7), mixed({{14, .5f}, {15, .5f}}));
  const PlaceTableValues small = load(spec_of(PlaceTable::kBetween), {4});
  expect_near(place(small, {4, 2}, 0), row(0));
  expect_near(place(small, {4, 2}, 1), mixed({{0, .75f}, {1, .25f}}));
}

TEST_F(PlaceTableTest, RowsWithoutAPlace) {
  const PlaceTableValues places = load(spec_of(PlaceTable::kCorners, ClassToken::kUnplaced), {4});
  EXPECT_EQ(error_, "");
  EXPECT_EQ(place(places, {2, 2}, 0), row(0));
}

TEST_F(PlaceTableTest, Bicubic) {
  const PlaceTableValues places = load(spec_of(PlaceTable::kBicubic), {16});
  // Between places 0 and 1 of each row; that in front of the edge counts as 0.
  constexpr float kNear = 0.59375f, kFar = -0.09375f;
  expect_near(place(places, {2, 4}, 2), mixed({{4, kFar + kNear}, {5, kNear}, {6, kFar}}));
  expect_near(place(places, {2, 4}, 7), mixed({{13, kFar}, {14, kNear}, {15, kNear + kFar}}));
}

TEST_F(PlaceTableTest, PlacesAtTheSamePartOfEachSide) {
  const PlaceTableValues places = load(spec_of(PlaceTable::kBuckets), {9});
  EXPECT_EQ(place(places, {2, 4}, 0), row(0));
  EXPECT_EQ(place(places, {2, 4}, 1), row(1));      // the second of two columns
  EXPECT_EQ(place(places, {2, 4}, 2 * 3), row(6));  // the last of four rows
  EXPECT_EQ(place(places, {2, 4}, 2 * 2), row(3));
}

TEST_F(PlaceTableTest, TableThatIsASquareInTheFile) {
  const PlaceTableValues places = load(spec_of(PlaceTable::kBicubic), {3, 3});
  EXPECT_EQ(error_, "");
  for (int i = 0; i < 9; ++i) EXPECT_EQ(place(places, {3, 3}, i), row(i));
}

TEST_F(PlaceTableTest, PicturesOfTheTablesOwnSize) {
  for (const PlaceTable kind :
       {PlaceTable::kCorners, PlaceTable::kBilinear, PlaceTable::kBicubic, PlaceTable::kBuckets}) {
    const PlaceTableValues places = load(spec_of(kind), {9});
    for (int i = 0; i < 9; ++i) EXPECT_EQ(place(places, {3, 3}, i), row(i));
  }
}

TEST_F(PlaceTableTest, ColumnsThenRows) {
  const PlaceTableValues places = load(spec_of(PlaceTable::kRowsAndColumns), {5, 2});
  EXPECT_EQ(error_, "");
  expect_near(place(places, {3, 2}, 5), mixed({{2, 1.0f}, {5 + 1, 1.0f}}));
}

TEST_F(PlaceTableTest, RowsThatAreNoSquare) {
  load(spec_of(PlaceTable::kCorners), {5});
  EXPECT_THAT(error_, testing::HasSubstr("has 5 rows, expected a square number"));
}

TEST_F(PlaceTableTest, RowsThatAreNoSquareAndOne) {
  load(spec_of(PlaceTable::kCorners, ClassToken::kFirst), {4});
  EXPECT_THAT(error_, testing::HasSubstr("has 4 rows, expected a square number and one"));
}

TEST_F(PlaceTableTest, GridOfAnotherSize) {
  VisionSpec spec = spec_of(PlaceTable::kGrid);
  spec.sizing.fixed_side = 3;
  load(spec, {4});
  EXPECT_THAT(error_, testing::HasSubstr("has places of 2 x 2 patches, expected 3 x 3"));
}

TEST_F(PlaceTableTest, OneTableWhereTwoAreExpected) {
  load(spec_of(PlaceTable::kRowsAndColumns), {5});
  EXPECT_THAT(error_, testing::HasSubstr("v.position_embd.weight has shape"));
}

}  // namespace
}  // namespace linnet
