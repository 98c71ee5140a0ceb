#include "measure/ceilings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "measure/peak_loops.hpp"

namespace linnet::measure {
namespace {

TEST(Ceilings, EveryByteIsRead) {
  std::vector<std::uint8_t> bytes(4096);
  const std::uint64_t all_zero = read_all(bytes.data(), 4096);
  for (const std::size_t at : {0, 63, 64, 255, 256, 4095}) {
    bytes[at] = 1;
    EXPECT_NE(read_all(bytes.data(), 4096), all_zero) << at;
    bytes[at] = 0;
  }
}

// Processors with AVX-VNNI and without AVX-512 were held against the instructions of AVX2.
TEST(Ceilings, TheBestInstructionsComeFirst) {
  const auto shortest_s = [](const PeakLoop& loop) {
    double shortest = 1e30;
    for (int i = 0; i < 5; ++i) {
      const auto start = std::chrono::steady_clock::now();
      constexpr std::int64_t kTurns = 1 << 16;
      loop.run(kTurns);
      const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
      shortest = std::min(shortest, time.count());
    }
    return shortest;
  };
  for (const auto& loops : {int8_peak_loops(), int16_peak_loops(), float_peak_loops()}) {
    double last = 0.0;
    for (const PeakLoop& loop : loops) {
      const double operation_s = shortest_s(loop) / static_cast<double>(loop.operations_a_turn);
      EXPECT_GT(operation_s, 0.6 * last) << loop.operations_a_turn;
      last = operation_s;
    }
  }
}

TEST(Ceilings, ArePlausible) {
  const Ceilings ceilings = measure_ceilings(2);
  ASSERT_EQ(ceilings.read_bytes_per_s.size(), 2u);
  if (ceilings.buffer_bytes > 0) {
    EXPECT_GT(ceilings.best_read_bytes_per_s(), 1e8);
    EXPECT_LT(ceilings.best_read_bytes_per_s(), 1e13);
  }
  EXPECT_GT(ceilings.float_operations_per_s, 1e8);
  EXPECT_LT(ceilings.float_operations_per_s, 1e13);
  EXPECT_GT(ceilings.int16_operations_per_s, 1e8);
  EXPECT_LT(ceilings.int16_operations_per_s, 1e14);
  EXPECT_GT(ceilings.int8_operations_per_s, 1e8);
  EXPECT_LT(ceilings.int8_operations_per_s, 1e14);
}

}  // namespace
}  // namespace linnet::measure
