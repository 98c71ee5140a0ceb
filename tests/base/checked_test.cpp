#include "base/checked.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace linnet {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

TEST(Checked, Adds) {
  EXPECT_EQ(checked_add(2, 3), 5u);
  EXPECT_EQ(checked_add(kMost, 0), kMost);
  EXPECT_EQ(checked_add(kMost, 1), std::nullopt);
  EXPECT_EQ(checked_add(kMost, kMost), std::nullopt);
}

TEST(Checked, Multiplies) {
  EXPECT_EQ(checked_multiply(2, 3), 6u);
  EXPECT_EQ(checked_multiply(kMost, 0), 0u);
  EXPECT_EQ(checked_multiply(std::uint64_t{1} << 32, (std::uint64_t{1} << 32) - 1),
            kMost - (std::uint64_t{1} << 32) + 1);
  EXPECT_EQ(checked_multiply(std::uint64_t{1} << 32, std::uint64_t{1} << 32), std::nullopt);
}

TEST(Checked, Saturates) {
  constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(saturating_add(2, 3), 5);
  EXPECT_EQ(saturating_add(kLargest, 1), kLargest);
  EXPECT_EQ(saturating_multiply(1 << 20, 1 << 20), std::int64_t{1} << 40);
  EXPECT_EQ(saturating_multiply(std::int64_t{1} << 40, 1 << 30), kLargest);
  EXPECT_EQ(saturating_multiply(kLargest, 0), 0);
}

TEST(Checked, AlignsUp) {
  EXPECT_EQ(checked_align_up(0, 32), 0u);
  EXPECT_EQ(checked_align_up(1, 32), 32u);
  EXPECT_EQ(checked_align_up(32, 32), 32u);
  EXPECT_EQ(checked_align_up(33, 1), 33u);
  EXPECT_EQ(checked_align_up(kMost - 31, 32), kMost - 31);
  EXPECT_EQ(checked_align_up(kMost - 30, 32), std::nullopt);
}

}  // namespace
}  // namespace linnet
