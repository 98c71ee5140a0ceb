#include "base/hex.hpp"

#include <gtest/gtest.h>

#include <string>

namespace linnet {
namespace {

TEST(Hex, DigitsOfEitherCase) {
  const std::string lower = "0123456789abcdef", upper = "0123456789ABCDEF";
  for (int value = 0; value < 16; ++value) {
    EXPECT_EQ(hex_digit(lower[value]), value);
    EXPECT_EQ(hex_digit(upper[value]), value);
  }
  for (const char c : {'/', ':', '@', 'G', '`', 'g', '\0', '\xff'}) EXPECT_EQ(hex_digit(c), -1);
}

TEST(Hex, BytesOfTwoDigits) {
  EXPECT_EQ(hex_byte("00"), 0);
  EXPECT_EQ(hex_byte("fF and more"), 255);
  for (const char* text : {"", "a", "g0", "0g", " 1"}) EXPECT_FALSE(hex_byte(text)) << text;
}

}  // namespace
}  // namespace linnet
