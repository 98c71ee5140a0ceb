#include "measure/ceilings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

TEST(Ceilings, ArePlausible) {
  const Ceilings ceilings = measure_ceilings(2);
  ASSERT_EQ(ceilings.read_bytes_per_s.size(), 2u);
  if (ceilings.buffer_bytes > 0) {
    EXPECT_GT(ceilings.best_read_bytes_per_s(), 1e8);
    EXPECT_LT(ceilings.best_read_bytes_per_s(), 1e13);
  }
  EXPECT_GT(ceilings.float_operations_per_s, 1e8);
  EXPECT_LT(ceilings.float_operations_per_s, 1e13);
  EXPECT_GT(ceilings.int8_operations_per_s, 1e8);
  EXPECT_LT(ceilings.int8_operations_per_s, 1e14);
}

}  // namespace
}  // namespace linnet::measure
