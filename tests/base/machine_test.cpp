#include "base/machine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <cstring>

#include "base/page_memory.hpp"
#include "support/resource_limit.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

TEST(MachineTest, ThreadsFollowTheAffinityMask) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  EXPECT_GE(usable_threads(), 1);
  EXPECT_LE(usable_threads(), CPU_COUNT(&before));
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &before)) {
      CPU_SET(cpu, &one);
      break;
    }
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(usable_threads(), 1);
  sched_setaffinity(0, sizeof before, &before);
}

TEST(MachineTest, MemoryIsPlausible) {
  EXPECT_GT(available_memory_bytes(), 1 << 20);
  EXPECT_GT(peak_memory_bytes(), 100 << 10);
}

TEST(MachineTest, WhatDoesNotFitIsAnErrorThatSaysHowMuchIsMissing) {
  EXPECT_TRUE(check_free_memory(1 << 20, "its values"));
  const Status status = check_free_memory(std::int64_t{3} << 60, "its values");
  ASSERT_FALSE(status);
  EXPECT_THAT(
      status.error().message,
      testing::MatchesRegex("its values take 3298534883328 MiB of memory, but [0-9]+ are free"));
}

TEST(MachineTest, OwnMemoryIsWhatWasTouched) {
  constexpr std::int64_t kBytes = 64 << 20;
  const std::int64_t before = own_memory_bytes();
  EXPECT_GT(before, 0);
  auto memory = PageMemory::allocate(kBytes);
  ASSERT_TRUE(memory);
  EXPECT_LT(own_memory_bytes(), before + kBytes / 2);
  std::memset(memory->data(), 1, kBytes);
  EXPECT_GT(own_memory_bytes(), before + kBytes / 2);
}

TEST(MachineTest, TheFoldersOfACgroup) {
  const std::string memberships =
      "12:cpuset:/\n4:memory:/pods/a\n3:cpu,cpuacct:/slice\n1:name=systemd:/x:/y\n0::/own/b\n";
  using testing::ElementsAre;
  EXPECT_THAT(
      cgroup_folders(memberships, "memory", "/r"),
      ElementsAre("/r/memory/pods/a", "/r/memory/pods", "/r/own/b", "/r/own", "/r/memory", "/r"));
  EXPECT_THAT(cgroup_folders(memberships, "cpu", "/r"),
              ElementsAre("/r/cpu/slice", "/r/own/b", "/r/own", "/r/cpu", "/r"));
  EXPECT_THAT(cgroup_folders("0::/\n", "cpu", "/r"), ElementsAre("/r/cpu", "/r"));
  EXPECT_THAT(cgroup_folders("nonsense\n:\n::\n", "cpu", "/r"), ElementsAre("/r/cpu", "/r"));
}

TEST(MachineTest, CachedFilesOfACgroupAreFree) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(cgroup_memory_left_bytes(folder.path()), std::nullopt);
  test::write_file(folder / "memory.max", "1000\n");
  test::write_file(folder / "memory.current", "990\n");
  EXPECT_EQ(cgroup_memory_left_bytes(folder.path()), 10);
  test::write_file(folder / "memory.stat",
                   "anon 290\nfile 700\nactive_file 100\ninactive_file 600\n");
  EXPECT_EQ(cgroup_memory_left_bytes(folder.path()), 710);
  test::write_file(folder / "memory.max", "max\n");
  EXPECT_EQ(cgroup_memory_left_bytes(folder.path()), std::nullopt);
}

TEST(MachineTest, TheMemoryOfACgroupOfVersion1) {
  const test::TemporaryFolder folder;
  test::write_file(folder / "memory.limit_in_bytes", "1000\n");
  test::write_file(folder / "memory.usage_in_bytes", "990\n");
  test::write_file(
      folder / "memory.stat",
      "inactive_file 1\nactive_file 2\ntotal_inactive_file 30\ntotal_active_file 40\n");
  EXPECT_EQ(cgroup_memory_left_bytes(folder.path()), 80);
  test::write_file(folder / "memory.limit_in_bytes", "9223372036854771712\n");  // none
  EXPECT_EQ(cgroup_memory_left_bytes(folder.path()), std::nullopt);
}

TEST(MachineTest, TheTimeOfACgroup) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(cgroup_cpus(folder.path()), std::nullopt);
  test::write_file(folder / "cpu.cfs_quota_us", "-1\n");
  test::write_file(folder / "cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cgroup_cpus(folder.path()), std::nullopt);
  test::write_file(folder / "cpu.cfs_quota_us", "250000\n");
  EXPECT_EQ(cgroup_cpus(folder.path()), 2.5);
  test::write_file(folder / "cpu.max", "max 100000\n");
  EXPECT_EQ(cgroup_cpus(folder.path()), std::nullopt);
  test::write_file(folder / "cpu.max", "150000 100000\n");
  EXPECT_EQ(cgroup_cpus(folder.path()), 1.5);
}

TEST(MachineTest, TheLimitOfTheAddressSpaceCounts) {
  if (test::kHasSanitizer) GTEST_SKIP() << "a sanitizer takes more of it than any limit";
  const test::AddressSpaceLimit limit(std::int64_t{1} << 30);
  const std::int64_t available = available_memory_bytes();
  EXPECT_LT(available, std::int64_t{1} << 30);
  EXPECT_GT(available, 1);
}

TEST(MachineTest, GivesFreedMemoryBack) {
  if (test::kHasSanitizer) GTEST_SKIP() << "it has an allocator of its own";
  constexpr std::size_t kPieces = 1 << 16, kBytes = 1 << 10;
  std::vector<std::vector<char>> pieces(kPieces);
  for (auto& piece : pieces) piece.assign(kBytes, 'x');
  const std::vector<char> last = std::move(pieces.back());  // those before it can't shrink the heap
  pieces.clear();
  pieces.shrink_to_fit();
  const std::int64_t before = own_memory_bytes();
  give_memory_back();
  EXPECT_LT(own_memory_bytes(), before - static_cast<std::int64_t>(kPieces * kBytes / 2));
  EXPECT_EQ(last.size(), kBytes);
}

}  // namespace
}  // namespace linnet
