#include "hub/progress_line.hpp"

#include <gtest/gtest.h>

namespace linnet::hub {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

TEST(ProgressLineTest, SaysHowFarHowFastAndHowLong) {
  TransferRate rate;
  rate.add(TransferRate::Clock::time_point(), 0);
  rate.add(TransferRate::Clock::time_point() + std::chrono::seconds(2), 20 * kMiB);
  const Progress progress{.file = "m.gguf",
                          .done_bytes = 500 * kMiB,
                          .total_bytes = 2000 * kMiB,
                          .received_bytes = 20 * kMiB,
                          .waiting = false};
  EXPECT_EQ(progress_line(progress, rate, 100),
            "m.gguf  [#####...............]  25%  500.0 MiB of 1.95 GiB  10.0 MiB/s  2:31 left");
}

TEST(ProgressLineTest, FitsTheTerminal) {
  const Progress progress{.file = "a-very-long-name-of-a-model-Q4_K_M.gguf",
                          .done_bytes = 1,
                          .total_bytes = 2000 * kMiB,
                          .received_bytes = 1,
                          .waiting = false};
  const std::string line = progress_line(progress, {}, 80);
  EXPECT_EQ(line.size(), 80u);
  EXPECT_NE(line.find("Q4_K_M.gguf"), std::string::npos);
  EXPECT_EQ(progress_line(progress, {}, 30).size(), 30u);
}

TEST(ProgressLineTest, Waiting) {
  const Progress progress{
      .file = "m\n", .done_bytes = 0, .total_bytes = 0, .received_bytes = 0, .waiting = true};
  EXPECT_EQ(progress_line(progress, {}, 80), "m?  waiting for another process that downloads it");
}

}  // namespace
}  // namespace linnet::hub
