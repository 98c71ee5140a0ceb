#include "backend/four_bits.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "support/normalised_error.hpp"
#include "support/random_floats.hpp"

namespace linnet {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> rounded(const std::vector<float>& values) {
  std::vector<float> codes(values.size());
  const float scale =
      round_to_four_bits(values.data(), static_cast<int>(values.size()), codes.data());
  EXPECT_TRUE(std::isnan(scale) || bfloat16_to_float(float_to_bfloat16(scale)) == scale);
  for (float& code : codes) {
    EXPECT_GE(code, -8.0f);
    EXPECT_LE(code, 7.0f);
    EXPECT_EQ(code, std::nearbyint(code));
    code *= scale;
  }
  return codes;
}

TEST(FourBits, WhatTheyCanHoldComesBack) {
  std::vector<float> values;
  for (int code = -8; code < 8; ++code) values.push_back(0.75f * static_cast<float>(code));
  EXPECT_EQ(rounded(values), values);
  for (float& value : values) value = -value;
  EXPECT_EQ(rounded(values), values);
  EXPECT_EQ(rounded(std::vector<float>(32)), std::vector<float>(32));
  EXPECT_EQ(rounded({3.0f}), std::vector<float>{3.0f});
}

TEST(FourBits, OtherPlacesLoseLessThanTheLastOne) {
  double error = 0.0, of_last_place = 0.0;
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    const auto values = test::random_floats(32, seed);
    error += test::normalised_error(rounded(values), values);
    const float furthest =
        *std::ranges::max_element(values, {}, [](float value) { return std::fabs(value); });
    const float scale = furthest / -8.0f;
    auto plain = values;
    for (float& x : plain) x = std::clamp(std::nearbyint(x / scale), -8.0f, 7.0f) * scale;
    of_last_place += test::normalised_error(plain, values);
  }
  EXPECT_LT(error, 0.97 * of_last_place);
}

TEST(FourBits, TinyAndHugeValues) {
  for (const float size : {1e-44f, 1e-38f, 1e30f, 3e38f}) {
    std::vector<float> values = {size, -0.5f * size};
    for (const float value : rounded(values)) EXPECT_LE(std::fabs(value), 1.01f * size);
  }
  EXPECT_NEAR(rounded({3e38f, 0.0f})[0], 3e38f, 1e36f);
}

TEST(FourBits, OfABlockThatIsNotFiniteNothingIs) {
  for (const float wrong : {kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN()}) {
    for (const float value : rounded({1.0f, wrong, 2.0f})) EXPECT_FALSE(std::isfinite(value));
  }
}

}  // namespace
}  // namespace linnet
