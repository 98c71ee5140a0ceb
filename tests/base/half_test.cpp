#include "base/half.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace linnet {
namespace {

std::uint32_t bits_of(float value) { return std::bit_cast<std::uint32_t>(value); }

// The value of a finite half, from its definition.
double half_by_definition(std::uint32_t half) {
  const int exponent = half >> 10 & 0x1f;
  const double mantissa = (half & 0x3ff) + (exponent == 0 ? 0 : 0x400);
  const double magnitude = std::ldexp(mantissa, (exponent == 0 ? 1 : exponent) - 25);
  return half & 0x8000 ? -magnitude : magnitude;
}

// For every half there are: the value, and the way back from it.
TEST(HalfTest, every_half_has_its_value_and_returns) {
  for (std::uint32_t half = 0; half < 0x10000; ++half) {
    const float value = half_to_float(static_cast<std::uint16_t>(half));
    if ((half & 0x7fff) > 0x7c00) {
      ASSERT_TRUE(std::isnan(value)) << std::hex << half;
      ASSERT_GT(float_to_half(value) & 0x7fff, 0x7c00) << std::hex << half;
      continue;
    }
    if ((half & 0x7fff) == 0x7c00) {
      ASSERT_TRUE(std::isinf(value)) << std::hex << half;
    } else {
      ASSERT_EQ(static_cast<double>(value), half_by_definition(half)) << std::hex << half;
    }
    ASSERT_EQ(std::signbit(value), (half & 0x8000) != 0) << std::hex << half;
    ASSERT_EQ(float_to_half(value), half) << std::hex << half;
  }
}

// Between two neighbouring halves everything goes to the nearer one, the middle to the even one.
TEST(HalfTest, rounds_to_the_nearest_and_ties_to_even) {
  for (std::uint32_t half = 0; half < 0x7bff; ++half) {
    const double low = half_by_definition(half);
    const double high = half_by_definition(half + 1);
    const auto middle = static_cast<float>((low + high) / 2);  // exact
    for (const std::uint32_t sign : {0u, 0x8000u}) {
      const float factor = sign == 0 ? 1.0f : -1.0f;
      ASSERT_EQ(float_to_half(factor * middle), (half + (half & 1)) | sign);
      ASSERT_EQ(float_to_half(factor * std::nextafter(middle, 0.0f)), half | sign);
      ASSERT_EQ(float_to_half(factor * std::nextafter(middle, 1e9f)), (half + 1) | sign);
    }
  }
  EXPECT_EQ(float_to_half(65519.996f), 0x7bff);
  EXPECT_EQ(float_to_half(65520.0f), 0x7c00);
  EXPECT_EQ(float_to_half(-INFINITY), 0xfc00);
  EXPECT_EQ(float_to_half(std::bit_cast<float>(1u)), 0);
}

#if defined(__FLT16_MAX__)
// Floats all over the range against the compiler's own conversion.
TEST(HalfTest, agrees_with_the_compiler) {
  for (std::uint64_t step = 0; step < 0x100000000u; step += 977) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(step));
    if (std::isnan(value)) continue;
    ASSERT_EQ(float_to_half(value), std::bit_cast<std::uint16_t>(static_cast<_Float16>(value)))
        << std::hex << step;
  }
  for (std::uint32_t half = 0; half < 0x10000; ++half) {
    const auto native = std::bit_cast<_Float16>(static_cast<std::uint16_t>(half));
    const float value = half_to_float(static_cast<std::uint16_t>(half));
    if (std::isnan(value)) continue;
    ASSERT_EQ(bits_of(value), bits_of(static_cast<float>(native))) << std::hex << half;
  }
}
#endif

TEST(Bfloat16Test, every_bfloat16_returns) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = bfloat16_to_float(static_cast<std::uint16_t>(bits));
    ASSERT_EQ(bits_of(value), bits << 16);
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(bfloat16_to_float(float_to_bfloat16(value)))) << std::hex << bits;
    } else {
      ASSERT_EQ(float_to_bfloat16(value), bits) << std::hex << bits;
    }
  }
}

TEST(Bfloat16Test, rounds_to_the_nearest_and_ties_to_even) {
  for (std::uint32_t bits = 0; bits < 0x7f80; ++bits) {
    const std::uint32_t middle = bits << 16 | 0x8000;
    ASSERT_EQ(float_to_bfloat16(std::bit_cast<float>(middle)), bits + (bits & 1));
    ASSERT_EQ(float_to_bfloat16(std::bit_cast<float>(middle - 1)), bits);
    ASSERT_EQ(float_to_bfloat16(std::bit_cast<float>(middle + 1)), bits + 1);
  }
  // A NaN whose only mantissa bits are the lower ones must not become an infinity.
  EXPECT_TRUE(std::isnan(bfloat16_to_float(float_to_bfloat16(std::bit_cast<float>(0x7f800001u)))));
}

// The value of a finite E4M3, from its definition.
double e4m3_by_definition(std::uint32_t bits) {
  const int exponent = bits >> 3 & 0xf;
  const double mantissa = (bits & 7) + (exponent == 0 ? 0 : 8);
  const double magnitude = std::ldexp(mantissa, std::max(exponent, 1) - 10);
  return bits & 0x80 ? -magnitude : magnitude;
}

TEST(HalfTest, every_e4m3_has_its_value_and_returns) {
  for (std::uint32_t bits = 0; bits < 0x100; ++bits) {
    const float value = e4m3_to_float(static_cast<std::uint8_t>(bits));
    if ((bits & 0x7f) == 0x7f) {
      EXPECT_TRUE(std::isnan(value));
    } else {
      EXPECT_EQ(value, e4m3_by_definition(bits));
    }
    EXPECT_EQ(float_to_e4m3(value), bits);
  }
}

// Between two neighbours: the nearer one, in the middle the even one.
TEST(HalfTest, floats_become_the_nearest_e4m3) {
  for (std::uint8_t bits = 0; bits < 0x7e; ++bits) {
    const float low = e4m3_to_float(bits), high = e4m3_to_float(bits + 1);
    const float middle = (low + high) / 2;
    EXPECT_EQ(float_to_e4m3(std::nextafter(middle, 0.0f)), bits);
    EXPECT_EQ(float_to_e4m3(std::nextafter(middle, 1000.0f)), bits + 1);
    EXPECT_EQ(float_to_e4m3(middle), bits % 2 == 0 ? bits : bits + 1);
    EXPECT_EQ(float_to_e4m3(-middle), float_to_e4m3(middle) | 0x80);
  }
  for (const float large : {449.0f, 480.0f, 1e30f, std::numeric_limits<float>::infinity()}) {
    EXPECT_EQ(float_to_e4m3(large), 0x7e);
    EXPECT_EQ(float_to_e4m3(-large), 0xfe);
  }
}

}  // namespace
}  // namespace linnet
