#include "vision/picture_pieces.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace linnet {
namespace {

// Tiles of 4 x 4 pixels, patches of 2 x 2.
VisionSpec small_spec() {
  VisionSpec spec;
  spec.patch_side = 2;
  spec.sizing.fixed_side = 4;
  spec.before = "<in>";
  spec.after = "<out>";
  spec.tiling.choice = Tiling::Choice::kLargest;
  spec.tiling.side = 4;
  spec.tiling.grids = {{2, 1}, {1, 2}, {2, 2}};
  spec.tiling.before_tile = "<{row},{column}>";
  spec.tiling.between_columns = "|";
  spec.tiling.behind_row = "/";
  spec.tiling.before_overview = "<all>";
  return spec;
}

// The texts with `*` for the rows of a piece.
std::string text_of(const PicturePieces& pieces) {
  std::string text;
  for (const PicturePiece& piece : pieces.pieces) text += piece.before + "*";
  return text + pieces.after;
}

// Each quarter has a colour of its own.
Image quarters(int side) {
  Image image = filled(side, side, {10, 10, 10});
  paste(image, filled(side / 2, side / 2, {20, 20, 20}), side / 2, 0);
  paste(image, filled(side / 2, side / 2, {30, 30, 30}), 0, side / 2);
  paste(image, filled(side / 2, side / 2, {40, 40, 40}), side / 2, side / 2);
  return image;
}

TEST(PicturePieces, WholeWithoutTiles) {
  VisionSpec spec = small_spec();
  spec.tiling = {};
  const PicturePieces pieces = pieces_of(spec, quarters(8));
  EXPECT_EQ(text_of(pieces), "<in>*<out>");
  EXPECT_EQ(pieces.pieces[0].image.width, 4);
}

TEST(PicturePieces, SmallOnesAreNotCut) {
  VisionSpec spec = small_spec();
  EXPECT_EQ(text_of(pieces_of(spec, quarters(4))), "<in>*<out>");
  spec.tiling.before_whole = "<whole>";
  EXPECT_EQ(text_of(pieces_of(spec, quarters(4))), "<in><whole>*<out>");
}

TEST(PicturePieces, TilesGoRowByRow) {
  const PicturePieces pieces = pieces_of(small_spec(), quarters(8));
  EXPECT_EQ(text_of(pieces), "<in><1,1>*|<1,2>*/<2,1>*|<2,2>*/<all>*<out>");
  for (int i = 0; i < 4; ++i) {
    const auto colour = static_cast<std::uint8_t>(10 * (i + 1));
    EXPECT_EQ(pieces.pieces[i].image, filled(4, 4, {colour, colour, colour})) << i;
  }
  EXPECT_EQ(pieces.pieces[4].image.width, 4);
}

TEST(PicturePieces, OverviewFirst) {
  VisionSpec spec = small_spec();
  spec.tiling.overview_first = true;
  const PicturePieces pieces = pieces_of(spec, quarters(8));
  EXPECT_EQ(text_of(pieces), "<in>*<1,1>*|<1,2>*/<2,1>*|<2,2>*/<all><out>");
  EXPECT_NE(pieces.pieces[0].image, filled(4, 4, {10, 10, 10}));
  EXPECT_EQ(pieces.pieces[1].image, filled(4, 4, {10, 10, 10}));
}

// As MiniCPM-V 2.5 writes them.
TEST(PicturePieces, TextsAroundTilesAndOverview) {
  VisionSpec spec = small_spec();
  spec.after = "";
  spec.tiling = {};
  spec.tiling.choice = Tiling::Choice::kLargest;
  spec.tiling.side = 4;
  spec.tiling.grids = {{2, 2}};
  spec.tiling.overview_first = true;
  spec.tiling.before_tiles = "{";
  spec.tiling.before_tile = "(";
  spec.tiling.behind_tile = ")";
  spec.tiling.between_rows = ";";
  spec.tiling.behind_overview = "</all>";
  spec.tiling.behind_tiles = "}";
  EXPECT_EQ(text_of(pieces_of(spec, quarters(4))), "<in>*</all>");
  EXPECT_EQ(text_of(pieces_of(spec, quarters(8))), "<in>*</all>{(*)(*);(*)(*)}");
}

// Each tile is a picture that has been resized as others are.
TEST(PicturePieces, TilesOfOneAreaInThePicturesShape) {
  VisionSpec spec = small_spec();
  spec.sizing = {};
  spec.sizing.choice = PictureSizing::Choice::kSameArea;
  spec.sizing.area_side = 8;
  spec.sizing.most_tokens = 18;
  spec.tiling = {};
  spec.tiling.choice = Tiling::Choice::kArea;
  spec.tiling.most_tiles = 9;
  const PicturePieces pieces = pieces_of(spec, filled(24, 6, kWhite));  // 2.25 areas
  ASSERT_EQ(pieces.pieces.size(), 5u);                                  // 4 x 1 tiles of 6 x 6
  for (int i = 0; i < 4; ++i) EXPECT_EQ(pieces.pieces[i].image, filled(8, 8, kWhite)) << i;
  EXPECT_EQ(pieces.pieces[4].image, filled(16, 4, kWhite));
  EXPECT_EQ(pieces_of(spec, filled(8, 8, kWhite)).pieces.size(), 1u);
}

TEST(PicturePieces, BarsKeepTheShape) {
  VisionSpec spec = small_spec();
  spec.tiling.grids = {{2, 1}};
  spec.tiling.has_bars = true;
  const PicturePieces pieces = pieces_of(spec, filled(6, 6, kWhite));
  ASSERT_EQ(pieces.pieces.size(), 3u);
  Image left = filled(4, 4, {0, 0, 0}), right = left;  // 4 x 4 white pixels in the middle of 8 x 4
  paste(left, filled(2, 4, kWhite), 2, 0);
  paste(right, filled(2, 4, kWhite), 0, 0);
  EXPECT_EQ(pieces.pieces[0].image, left);
  EXPECT_EQ(pieces.pieces[1].image, right);
  spec.tiling.has_bars = false;
  EXPECT_EQ(pieces_of(spec, filled(6, 6, kWhite)).pieces[0].image, filled(4, 4, kWhite));
}

TEST(GridOfTiles, IsTheOneThatThePictureFillsBest) {
  const VisionSpec spec = small_spec();
  EXPECT_EQ(grid_of_tiles(spec, {4, 4}), std::nullopt);
  EXPECT_EQ(grid_of_tiles(spec, {8, 4}), (Grid{2, 1}));
  EXPECT_EQ(grid_of_tiles(spec, {4, 8}), (Grid{1, 2}));
  EXPECT_EQ(grid_of_tiles(spec, {100, 100}), (Grid{2, 2}));
  // As large in 2 x 1 as in 2 x 2, which has more to fill.
  EXPECT_EQ(grid_of_tiles(spec, {100, 40}), (Grid{2, 1}));
}

TEST(GridOfTiles, OfTheLongestSide) {
  VisionSpec spec = small_spec();
  spec.tiling.choice = Tiling::Choice::kLongestSide;
  spec.tiling.longest = 16;
  EXPECT_EQ(grid_of_tiles(spec, {2, 2}), (Grid{4, 4}));
  EXPECT_EQ(grid_of_tiles(spec, {100, 50}), (Grid{4, 2}));
  EXPECT_EQ(grid_of_tiles(spec, {50, 60}), (Grid{4, 4}));
  EXPECT_EQ(grid_of_tiles(spec, {1, 100000}), (Grid{1, 4}));
  EXPECT_EQ(pieces_of(spec, filled(100, 50, kWhite)).pieces.size(), 9u);
}

// As Step3-VL cuts pictures.
TEST(PicturePieces, WindowsOfAPictureAndBlackBesideIt) {
  VisionSpec spec = small_spec();
  spec.sizing.fixed_side = 8;
  spec.tiling.choice = Tiling::Choice::kWindows;
  spec.tiling.longest = 64;
  spec.tiling.before_tile = "(";
  spec.tiling.behind_tile = ")";
  spec.tiling.between_columns = spec.tiling.behind_row = "";
  spec.tiling.between_rows = ";";
  EXPECT_EQ(text_of(pieces_of(spec, filled(8, 8, kWhite))), "<in>*<out>");
  const PicturePieces pieces = pieces_of(spec, filled(12, 7, kWhite));  // 3 x 2 of 4 x 4
  EXPECT_EQ(text_of(pieces), "<in>(*)(*)(*);(*)(*)(*)<all>*<out>");
  EXPECT_EQ(pieces.pieces[3].image, filled(4, 4, kWhite));  // stretched by a quarter
  EXPECT_EQ(pieces.pieces[6].image, filled(8, 8, kWhite));
  // Of a small one of more than 3 : 2 the windows are as high as it is, and grow to tiles.
  EXPECT_EQ(text_of(pieces_of(spec, filled(6, 2, kWhite))), "<in>(*)(*)(*)<all>*<out>");
  EXPECT_EQ(pieces_of(spec, filled(6, 2, kWhite)).pieces[0].image, filled(4, 4, kWhite));
  // A narrow one stands in a black square.
  const PicturePieces narrow = pieces_of(spec, filled(20, 2, kWhite));
  EXPECT_EQ(narrow.pieces.size(), 26u);
  EXPECT_EQ(narrow.pieces[24].image, filled(4, 4, {0, 0, 0}));
}

TEST(GridOfTiles, OfTheNearestShapeWhateverTheSize) {
  VisionSpec spec = small_spec();
  spec.tiling.choice = Tiling::Choice::kShapeAlways;
  spec.tiling.grids = {{1, 1}, {1, 2}, {2, 1}, {2, 2}};
  EXPECT_EQ(grid_of_tiles(spec, {2, 2}), std::nullopt);
  EXPECT_EQ(grid_of_tiles(spec, {2, 4}), (Grid{1, 2}));
  EXPECT_EQ(grid_of_tiles(spec, {40, 40}), (Grid{2, 2}));
}

TEST(GridOfTiles, OfAsManyAreasAsThereAre) {
  VisionSpec spec = small_spec();
  spec.sizing.area_side = 448;
  spec.tiling.choice = Tiling::Choice::kArea;
  spec.tiling.most_tiles = 9;
  EXPECT_EQ(grid_of_tiles(spec, {448, 448}), std::nullopt);
  EXPECT_EQ(grid_of_tiles(spec, {100, 900}), std::nullopt);
  EXPECT_EQ(grid_of_tiles(spec, {640, 480}), (Grid{2, 1}));    // 2 or 3 tiles
  EXPECT_EQ(grid_of_tiles(spec, {1024, 1024}), (Grid{3, 2}));  // 5 to 7 tiles
  EXPECT_EQ(grid_of_tiles(spec, {4000, 4000}), (Grid{3, 3}));
  EXPECT_EQ(grid_of_tiles(spec, {1, 1000000}), (Grid{1, 6}));
}

TEST(GridOfTiles, OfTheNearestShape) {
  VisionSpec spec = small_spec();
  spec.sizing = {};
  spec.sizing.most_tokens = 4;  // 4 x 4 pixels
  spec.tiling.choice = Tiling::Choice::kShape;
  spec.tiling.grids = {{1, 2}, {2, 1}, {2, 2}, {4, 2}};
  EXPECT_EQ(grid_of_tiles(spec, {4, 8}), std::nullopt);  // just twice
  EXPECT_EQ(grid_of_tiles(spec, {4, 10}), (Grid{1, 2}));
  EXPECT_EQ(grid_of_tiles(spec, {9, 9}), (Grid{2, 2}));
  // 2 x 1 and 4 x 2 have one shape; the picture fills less or more than half of the larger one.
  EXPECT_EQ(grid_of_tiles(spec, {10, 5}), (Grid{2, 1}));
  EXPECT_EQ(grid_of_tiles(spec, {12, 6}), (Grid{4, 2}));
}

}  // namespace
}  // namespace linnet
