#include "base/memory_nodes.hpp"

#include <gtest/gtest.h>

#include "base/page_memory.hpp"

namespace linnet {
namespace {

TEST(MemoryNodesTest, ReadsTheKernelsLists) {
  EXPECT_EQ(parse_memory_nodes("0"), 0b1u);
  EXPECT_EQ(parse_memory_nodes("0-1"), 0b11u);
  EXPECT_EQ(parse_memory_nodes("0,2-3"), 0b1101u);
  EXPECT_EQ(parse_memory_nodes("63"), std::uint64_t{1} << 63);
}

TEST(MemoryNodesTest, LeavesOutWhatIsNoNode) {
  EXPECT_EQ(parse_memory_nodes(""), 0u);
  EXPECT_EQ(parse_memory_nodes("\n"), 0u);
  EXPECT_EQ(parse_memory_nodes("1,x,3-,-2"), 0b10u);
  EXPECT_EQ(parse_memory_nodes("62-4000000000"), std::uint64_t{0b11} << 62);
  EXPECT_EQ(parse_memory_nodes("3-1"), 0u);
}

TEST(MemoryNodesTest, MemoryStaysUsable) {
  auto memory = PageMemory::allocate(std::int64_t{4} << 20);
  ASSERT_TRUE(memory);
  spread_over_memory_nodes(memory->data(), memory->size_bytes());
  for (std::int64_t i = 0; i < memory->size_bytes(); i += 4096) {
    ASSERT_EQ(memory->data()[i], 0);
    memory->data()[i] = 1;
  }
}

}  // namespace
}  // namespace linnet
