#include "image/resize.hpp"

#include <gtest/gtest.h>

#include <map>

#include "image/support.hpp"
#include "support/resource_limit.hpp"
#include "support/test_name.hpp"

namespace linnet {
namespace {

const std::map<std::string, Resampling> kFilters = {{"bilinear", Resampling::kBilinear},
                                                    {"bicubic", Resampling::kBicubic},
                                                    {"lanczos", Resampling::kLanczos}};

std::vector<std::string> resized() {
  std::vector<std::string> names = test::file_names(test::kGolden / "resize");
  std::erase_if(names, [](const std::string& name) { return name.find('-') == name.npos; });
  return names;
}

class ResizeTest : public testing::TestWithParam<std::string> {};

TEST_P(ResizeTest, GivesThePixelsOfPillow) {
  std::string name = GetParam();
  std::replace(name.begin(), name.end(), '-', ' ');
  std::istringstream in(name);
  std::string original, filter;
  in >> original >> filter;
  const Image expected = test::read_ppm(test::kGolden / "resize" / GetParam());
  const Image image = test::read_ppm(test::kGolden / "resize" / (original + ".ppm"));
  const Image result = resize(image, expected.width, expected.height, kFilters.at(filter));
  EXPECT_EQ(result.width, expected.width);
  EXPECT_EQ(result.height, expected.height);
  EXPECT_EQ(result.pixels, expected.pixels);
}

INSTANTIATE_TEST_SUITE_P(Golden, ResizeTest, testing::ValuesIn(resized()),
                         test::test_name<std::string>);

TEST(ResizeOthersTest, TheSameSizeChangesNothing) {
  const Image image = test::read_ppm(test::kGolden / "resize/23x17.ppm");
  for (const auto& [name, filter] : kFilters) EXPECT_EQ(resize(image, 23, 17, filter), image);
}

TEST(ResizeOthersTest, OneColourStaysThatColour) {
  const Colour colour = {0, 127, 255};
  for (const auto& [name, filter] : kFilters) {
    EXPECT_EQ(resize(filled(37, 5, colour), 11, 19, filter), filled(11, 19, colour)) << name;
  }
}

// A picture of one column that would take 300 MB as wide as its result.
TEST(ResizeOthersTest, ATallPictureTakesNoMemoryForWideRows) {
  const Image column = filled(1, 100'000, {1, 2, 3});
  const test::AddressSpaceLimit limit(200 << 20);
  EXPECT_EQ(resize(column, 1000, 2, Resampling::kBicubic), filled(1000, 2, {1, 2, 3}));
}

}  // namespace
}  // namespace linnet
