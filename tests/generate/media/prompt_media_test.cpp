#include "generate/media/prompt_media.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace linnet {
namespace {

constexpr TokenId kVocabulary = 100;

// A picture of 2 x 2 merged patches with `rows` rows, whose ids begin with `first`.
std::shared_ptr<const Medium> picture(TokenId first, int rows, RowPlaces places) {
  auto medium = std::make_shared<Medium>();
  medium->pieces.push_back({.content = Image{}, .size = {2, 2}, .row_places = places});
  std::vector<TokenId> ids;
  for (int i = 0; i < rows; ++i) ids.push_back(first + i);
  medium->tokens.parts.push_back({"", std::move(ids)});
  return medium;
}

std::vector<Place> places_of(const std::vector<TokenId>& prompt, const Media& media) {
  const PromptMedia pictures(prompt, media);
  std::vector<Place> places;
  for (std::int64_t i = 0; i < std::ssize(prompt); ++i) places.push_back(pictures.place(i));
  return places;
}

TEST(PlacesOfRows, OfAGridTimeStands) {
  const Media media = {picture(kVocabulary, 4, RowPlaces::kGrid)};
  const std::vector<Place> expected = {{0, 0, 0, 0}, {1, 1, 1, 1}, {1, 1, 2, 1},
                                       {1, 2, 1, 1}, {1, 2, 2, 1}, {3, 3, 3, 3}};
  EXPECT_EQ(places_of({5, 100, 101, 102, 103, 6}, media), expected);
}

TEST(PlacesOfRows, OfLinesTimeGoesOnAndPicturesAreNumbered) {
  const Media media = {picture(kVocabulary, 8, RowPlaces::kLines),
                       picture(kVocabulary + 50, 8, RowPlaces::kLines)};
  const std::vector<TokenId> prompt = {7,   100, 101, 102, 103, 104, 105, 106, 107,
                                       150, 151, 152, 153, 154, 155, 156, 157, 8};
  const std::vector<Place> expected = {
      {0, 0, 0, 0},  {1, 1, 1, 1},     {2, 0, 0, 0},    {3, 1, 0, 0},  {4, 2, 0, 0},
      {5, 0, 1, 0},  {6, 1, 1, 0},     {7, 2, 1, 0},    {8, 8, 8, 8},  {9, 9, 9, 9},
      {10, 0, 0, 1}, {11, 1, 0, 1},    {12, 2, 0, 1},   {13, 0, 1, 1}, {14, 1, 1, 1},
      {15, 2, 1, 1}, {16, 16, 16, 16}, {17, 17, 17, 17}};
  EXPECT_EQ(places_of(prompt, media), expected);
}

}  // namespace
}  // namespace linnet
