#include "vision/stretching.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "image/resize.hpp"

namespace linnet {
namespace {

using testing::FloatNear;
using testing::Pointwise;

TEST(Stretching, SquaresAreStretchedAsPicturesAre) {
  constexpr int kFrom = 16;
  std::vector<float> square;
  for (int i = 0; i < kFrom * kFrom; ++i)
    square.push_back(static_cast<float>(80 + 37 * i % 97));  // far from 0 and 255
  Image image = filled(kFrom, kFrom, kWhite);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = static_cast<std::uint8_t>(square[i / 3]);
  }
  for (const int to : {10, 12, 24}) {
    const std::vector<float> got = stretched_square(square, kFrom, to, 1);
    const Image want = resize(image, to, to, Resampling::kBicubic);
    for (std::size_t i = 0; i < got.size(); ++i) {
      ASSERT_NEAR(got[i], want.pixels[3 * i], 1.51) << to << ": " << i;
    }
  }
}

TEST(Stretching, ColumnsAreStretchedByThemselves) {
  const std::vector<float> square = {1, 10, 2, 20, 3, 30, 4, 40};  // 2 x 2 places, 2 columns
  const std::vector<float> wide = stretched_square(square, 2, 3, 2);
  ASSERT_EQ(wide.size(), 18u);
  for (std::size_t i = 0; i < wide.size(); i += 2) EXPECT_NEAR(10 * wide[i], wide[i + 1], 1e-4);
  EXPECT_THAT(std::vector(wide.begin() + 8, wide.begin() + 10),  // the middle
              Pointwise(FloatNear(1e-5f), {2.5f, 25.0f}));
}

TEST(Stretching, RowsAreMadeOfTheNearestTwo) {
  const std::vector<float> rows = {0, 4, 8, 12};
  EXPECT_EQ(stretched_rows(rows, 4, 2, 1), (std::vector<float>{2, 10}));
  EXPECT_EQ(stretched_rows(rows, 2, 4, 2), (std::vector<float>{0, 4, 2, 6, 6, 10, 8, 12}));
  EXPECT_EQ(stretched_rows(rows, 4, 4, 1), rows);
}

TEST(Stretching, SharesOfAPlaceAreOne) {
  for (const Spread spread : {Spread::kTriangle, Spread::kCubic}) {
    for (const int places : {3, 16, 50}) {
      for (int at = 0; at < places; ++at) {
        float sum = 0.0f;
        for (const Share& share : spread_shares(spread, at, places, 16)) sum += share.weight;
        EXPECT_NEAR(sum, 1.0f, 1e-6f);
      }
    }
  }
}

}  // namespace
}  // namespace linnet
