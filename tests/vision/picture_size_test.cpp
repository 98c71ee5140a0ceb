#include "vision/picture_size.hpp"

#include <gtest/gtest.h>

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

TEST(RowsOf, BreaksEndAllRowsButTheLast) {
  VisionSpec spec = free_spec();
  EXPECT_EQ(rows_of(spec, {3, 4}), 12);
  ProjectorStep breaks;
  breaks.kind = ProjectorStep::Kind::kBreakRows;
  spec.projector_steps = {breaks};
  EXPECT_EQ(rows_of(spec, {3, 4}), 15);
  EXPECT_EQ(rows_of(spec, {3, 1}), 3);
}

}  // namespace
}  // namespace linnet
