#include "tensor_core.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace linnet::emulation {
namespace {

constexpr float kUnit = 0x1p-23f;  // of the last digit of 1

// sum + `count` products of a and b.
float add(float sum, int count, float a, float b) {
  float left[16] = {}, right[16] = {};
  for (int k = 0; k < count; ++k) {
    left[k] = a;
    right[k] = b;
  }
  return add_tensor_products(sum, left, right, 1);
}

TEST(TensorCore, ProductsAreAddedToEachOtherFirst) {
  EXPECT_EQ(add(1.0f, 2, 0x1p-12f, 0x1p-12f), 1.0f + kUnit);  // one by one none would count
}

TEST(TensorCore, WhatIsFarBelowTheLargestIsLost) {
  EXPECT_EQ(add(1.0f, 16, 0x1p-13f, 0x1p-13f), 1.0f);
  EXPECT_EQ(add(0x1p-30f, 1, 0x1p-13f, 0x1p-13f), 0x1p-26f + 0x1p-30f);
}

TEST(TensorCore, SumsAreCutTowardsZero) {
  EXPECT_EQ(add(1.0f, 3, 0x1p-12f, 0x1p-12f), 1.0f + kUnit);
  EXPECT_EQ(add(-1.0f, 3, -0x1p-12f, 0x1p-12f), -1.0f - kUnit);
}

TEST(TensorCore, WhatIsNoFiniteNumberStaysSo) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(add(1.0f, 1, infinity, 2.0f), infinity);
  EXPECT_TRUE(std::isnan(add(-infinity, 1, infinity, 2.0f)));
  EXPECT_EQ(add(0.0f, 16, 0.0f, 3.0f), 0.0f);
}

}  // namespace
}  // namespace linnet::emulation
