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
