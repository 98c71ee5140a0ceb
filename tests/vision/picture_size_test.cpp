#include "vision/picture_size.hpp"

#include <gtest/gtest.h>

#include "encoder/projector_steps.hpp"

namespace linnet {
namespace {

// Merged patches of 10 x 10 pixels, 4 to 100 of them.
VisionSpec free_spec() {
  VisionSpec spec;
  spec.patch_side = 5;
  spec.merge_side = 2;
  spec.sizing.least_tokens = 4;
  spec.sizing.most_tokens = 100;
  return spec;
}

TEST(TargetSize, FixedSideWhateverTheShape) {
  VisionSpec spec = free_spec();
  spec.sizing.fixed_side = 40;
  EXPECT_EQ(target_size(spec, {1, 1000}), (PictureSize{40, 40}));
}

TEST(TargetSize, NearestWholePatches) {
  const VisionSpec spec = free_spec();
  EXPECT_EQ(target_size(spec, {50, 50}), (PictureSize{50, 50}));
  EXPECT_EQ(target_size(spec, {54, 56}), (PictureSize{50, 60}));
  EXPECT_EQ(target_size(spec, {45, 55}), (PictureSize{40, 60}));  // ties to even
}

TEST(TargetSize, LargeOnesShrinkAndSmallOnesGrow) {
  const VisionSpec spec = free_spec();
  EXPECT_EQ(target_size(spec, {200, 200}), (PictureSize{100, 100}));
  EXPECT_EQ(target_size(spec, {400, 100}), (PictureSize{200, 50}));
  EXPECT_EQ(target_size(spec, {3, 3}), (PictureSize{20, 20}));
  EXPECT_EQ(target_size(spec, {6, 24}), (PictureSize{10, 40}));
}

TEST(TargetSize, NarrowOnesHaveOnePatchAcross) {
  const VisionSpec spec = free_spec();
  EXPECT_EQ(target_size(spec, {1, 100000}), (PictureSize{10, 1000}));
  EXPECT_EQ(target_size(spec, {100000, 1}), (PictureSize{1000, 10}));
}

TEST(TargetSize, LongestSide) {
  VisionSpec spec = free_spec();
  spec.sizing.longest_side = 12;
  EXPECT_EQ(target_size(spec, {1, 100000}), (PictureSize{10, 120}));
  EXPECT_EQ(target_size(spec, {100000, 1}), (PictureSize{120, 10}));
  EXPECT_EQ(target_size(spec, {90, 90}), (PictureSize{90, 90}));
}

VisionSpec within_spec() {
  VisionSpec spec = free_spec();
  spec.sizing.choice = PictureSizing::Choice::kWithin;
  return spec;
}

TEST(TargetSize, NextLargerPatchesWithinTheLimits) {
  const VisionSpec spec = within_spec();
  EXPECT_EQ(target_size(spec, {41, 50}), (PictureSize{50, 50}));
  EXPECT_EQ(target_size(spec, {3, 3}), (PictureSize{10, 10}));  // does not grow
  EXPECT_EQ(target_size(spec, {200, 200}), (PictureSize{100, 100}));
  // 145 x 71 pixels, of which 150 x 80 would be too many.
  EXPECT_EQ(target_size(spec, {200, 98}), (PictureSize{140, 70}));
}

TEST(TargetSize, LongestSideKeepsTheShape) {
  VisionSpec spec = within_spec();
  spec.sizing.longest_side = 8;
  EXPECT_EQ(target_size(spec, {160, 80}), (PictureSize{80, 40}));
  EXPECT_EQ(target_size(spec, {79, 161}), (PictureSize{40, 80}));
  EXPECT_EQ(target_size(spec, {1, 100000}), (PictureSize{10, 80}));
}

TEST(FilledSize, IsThePictureItselfWhereItIsNotStretched) {
  VisionSpec spec = within_spec();
  EXPECT_EQ(filled_size(spec, {41, 47}), (PictureSize{50, 50}));
  spec.sizing.pads = true;
  EXPECT_EQ(filled_size(spec, {41, 47}), (PictureSize{41, 47}));
  EXPECT_EQ(target_size(spec, {41, 47}), (PictureSize{50, 50}));
  EXPECT_EQ(filled_size(spec, {205, 100}), (PictureSize{140, 60}));  // of 143 x 69
  EXPECT_EQ(filled_size(spec, {1, 100000}).height, target_size(spec, {1, 100000}).height);
}

// As MiniCPM-V chooses them.
TEST(TargetSize, OfTheSameArea) {
  VisionSpec spec = free_spec();
  spec.patch_side = 14;
  spec.merge_side = 1;
  spec.sizing.choice = PictureSizing::Choice::kSameArea;
  spec.sizing.area_side = 448;
  spec.sizing.most_tokens = 1152;
  EXPECT_EQ(target_size(spec, {448, 448}), (PictureSize{448, 448}));
  EXPECT_EQ(target_size(spec, {10, 10}), (PictureSize{448, 448}));
  EXPECT_EQ(target_size(spec, {640, 480}), (PictureSize{518, 392}));
  EXPECT_EQ(target_size(spec, {333, 1000}), (PictureSize{252, 770}));
  EXPECT_EQ(target_size(spec, {1, 100000}), (PictureSize{14, 1152 * 14}));
}

TEST(TargetSize, OfTheNearestShape) {
  VisionSpec spec = free_spec();
  spec.sizing.choice = PictureSizing::Choice::kShape;
  EXPECT_EQ(target_size(spec, {50, 40}), (PictureSize{50, 40}));
  EXPECT_EQ(target_size(spec, {55, 55}), (PictureSize{60, 60}));  // of equals the larger one
  EXPECT_EQ(target_size(spec, {58, 31}), (PictureSize{60, 30}));
  EXPECT_EQ(target_size(spec, {300, 300}), (PictureSize{100, 100}));
  EXPECT_EQ(target_size(spec, {3, 3}), (PictureSize{10, 10}));
  EXPECT_EQ(target_size(spec, {1, 100000}), (PictureSize{10, 1000}));
}

TEST(RowsOf, RowsOfText) {
  VisionSpec spec = free_spec();
  spec.projector_steps = {wrap("before", "behind")};
  EXPECT_EQ(rows_of(spec, {3, 4}), 14);
  spec.projector_steps = {end_rows("line")};
  EXPECT_EQ(rows_of(spec, {3, 4}), 16);
  spec.projector_steps = {end_rows("line", "end")};
  EXPECT_EQ(rows_of(spec, {3, 4}), 17);
}

TEST(BarsOf, AtTheSidesThatThePictureDoesNotFill) {
  EXPECT_EQ(bars_of({100, 40}, {16, 8}), (Grid{0, 1}));
  EXPECT_EQ(bars_of({40, 100}, {8, 16}), (Grid{1, 0}));
  EXPECT_EQ(bars_of({100, 50}, {16, 8}), (Grid{0, 0}));
  EXPECT_EQ(bars_of({1, 1000}, {16, 8}), (Grid{7, 0}));
  EXPECT_EQ(bars_of({1000, 1}, {16, 7}), (Grid{0, 3}));
}

TEST(RowsOf, AsManyAsQueries) {
  VisionSpec spec = free_spec();
  spec.projector_steps = {resample("resampler", 64, 1e-6f)};
  EXPECT_EQ(rows_of(spec, {3, 4}), 64);
}

TEST(RowsOf, BreaksEndAllRowsButTheLast) {
  VisionSpec spec = free_spec();
  EXPECT_EQ(rows_of(spec, {3, 4}), 12);
  spec.projector_steps = {break_rows("break")};
  EXPECT_EQ(rows_of(spec, {3, 4}), 15);
  EXPECT_EQ(rows_of(spec, {3, 1}), 3);
}

}  // namespace
}  // namespace linnet
