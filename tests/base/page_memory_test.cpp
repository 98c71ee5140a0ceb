#include "base/page_memory.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <limits>

namespace linnet {
namespace {

constexpr std::int64_t kHugePageBytes = std::int64_t{2} << 20;

std::int64_t mapped_pages() {
  std::int64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages;
}

TEST(PageMemoryTest, LargeArraysBeginWithAHugePageAndAreZero) {
  auto memory = PageMemory::allocate(kHugePageBytes + 1);
  ASSERT_TRUE(memory);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory->data()) % kHugePageBytes, 0u);
  EXPECT_EQ(memory->data()[0], 0);
  EXPECT_EQ(memory->data()[kHugePageBytes], 0);
  memory->data()[kHugePageBytes] = 1;
}

TEST(PageMemoryTest, TakesAndGivesBackNoMoreThanWasAskedFor) {
  mapped_pages();  // what looking itself maps is there then
  const std::int64_t before = mapped_pages();
  const std::int64_t size_bytes = 3 * kHugePageBytes + 5;
  const std::int64_t page = sysconf(_SC_PAGESIZE);
  {
    auto memory = PageMemory::allocate(size_bytes);
    ASSERT_TRUE(memory);
    EXPECT_EQ(mapped_pages() - before, size_bytes / page + 1);
  }
  EXPECT_EQ(mapped_pages(), before);
}

TEST(PageMemoryTest, NothingTakesNothing) {
  auto memory = PageMemory::allocate(0);
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->data(), nullptr);
}

TEST(PageMemoryTest, MoreThanThereIsIsAnError) {
  for (const std::int64_t size_bytes :
       {std::int64_t{1} << 60, std::numeric_limits<std::int64_t>::max()}) {
    const auto memory = PageMemory::allocate(size_bytes);
    ASSERT_FALSE(memory);
    EXPECT_EQ(memory.error().message,
              "out of memory: " + std::to_string(size_bytes) + " bytes were asked for");
  }
}

}  // namespace
}  // namespace linnet
