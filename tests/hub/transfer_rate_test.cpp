#include "hub/transfer_rate.hpp"

#include <gtest/gtest.h>

namespace linnet::hub {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(TransferRateTest, FollowsTheLastSeconds) {
  TransferRate rate;
  const TransferRate::Clock::time_point start{};
  std::uint64_t bytes = 0;
  EXPECT_EQ(rate.bytes_per_second(), 0.0);
  EXPECT_EQ(rate.remaining(100), std::nullopt);
  for (int i = 0; i <= 3000; ++i) rate.add(start + milliseconds(10 * i), bytes += 10);  // 1000/s
  EXPECT_NEAR(rate.bytes_per_second(), 1000.0, 1.0);
  EXPECT_EQ(rate.remaining(9999), seconds(10));
  for (int i = 1; i <= 1000; ++i) rate.add(start + milliseconds(30000 + 10 * i), bytes += 50);
  EXPECT_NEAR(rate.bytes_per_second(), 5000.0, 5.0);
}

TEST(TransferRateTest, AStallShowsAsNothing) {
  TransferRate rate;
  const TransferRate::Clock::time_point start{};
  for (int i = 0; i <= 10; ++i) rate.add(start + seconds(i), 1000);
  EXPECT_EQ(rate.bytes_per_second(), 0.0);
  EXPECT_EQ(rate.remaining(1), std::nullopt);
}

}  // namespace
}  // namespace linnet::hub
