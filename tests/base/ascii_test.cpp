#include "base/ascii.hpp"

#include <gtest/gtest.h>

namespace linnet {
namespace {

TEST(AsciiTest, OnlyTheLettersOfAsciiAreLowered) {
  EXPECT_EQ(in_lower_case("AZ az [@ \xc3\x84 09"), "az az [@ \xc3\x84 09");
  EXPECT_EQ(in_lower_case(""), "");
}

TEST(AsciiTest, SpacesAtBothEndsAreTrimmed) {
  EXPECT_EQ(trimmed(" \t a b\r\n"), "a b");
  EXPECT_EQ(trimmed("a"), "a");
  EXPECT_EQ(trimmed(" \n"), "");
  EXPECT_EQ(trimmed(""), "");
}

}  // namespace
}  // namespace linnet
