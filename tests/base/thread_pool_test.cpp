#include "base/thread_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#include "support/resource_limit.hpp"

namespace linnet {
namespace {

TEST(ThreadPoolTest, RunsEveryIndexOnce) {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const int count : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> calls(count);
      pool.parallel_for(count, [&](std::int64_t i) { ++calls[i]; });
      for (const auto& call : calls) EXPECT_EQ(call, 1);
    }
  }
}

TEST(ThreadPoolTest, ManyLoopsInARowLoseNothing) {
  ThreadPool pool(3);
  std::atomic<std::int64_t> sum{0};
  for (int loop = 0; loop < 5000; ++loop) {
    pool.parallel_for(4, [&](std::int64_t i) { sum += i; });
  }
  EXPECT_EQ(sum, 5000 * 6);
}

TEST(ThreadPoolTest, MoreThreadsThanTheSystemGivesAreAnError) {
  if (test::kHasSanitizer) GTEST_SKIP() << "threads can't be made scarce";
  const test::AddressSpaceLimit limit(std::int64_t{1} << 30);  // 100 stacks or so
  EXPECT_THROW(ThreadPool(1024), std::system_error);
}

// Whoever throws, the caller is told, once all have ended, and the pool works on.
TEST(ThreadPoolTest, WhatABodyThrowsReachesTheCaller) {
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    for (const int bad : {-1, 0, 7, 199}) {  // -1: all
      std::atomic<int> running{0};
      const auto loop = [&] {
        pool.parallel_for(200, [&](std::int64_t i) {
          ++running;
          std::this_thread::sleep_for(std::chrono::microseconds(20));
          --running;
          if (bad < 0 || i == bad) throw std::bad_alloc();
        });
      };
      EXPECT_THROW(loop(), std::bad_alloc) << threads << " threads, " << bad;
      EXPECT_EQ(running, 0);
      std::atomic<int> calls{0};
      EXPECT_NO_THROW(pool.parallel_for(50, [&](std::int64_t) { ++calls; }));
      EXPECT_EQ(calls, 50);
    }
  }
}

// A worker that has been late for one loop must not take an index of it in the next one.
TEST(ThreadPoolTest, LoopsOfDifferentLengthsAndBodiesDoNotMix) {
  ThreadPool pool(4);
  for (int loop = 0; loop < 5000; ++loop) {
    std::vector<std::atomic<int>> calls(1 + loop % 9);
    pool.parallel_for(static_cast<std::int64_t>(calls.size()),
                      [&, size = calls.size()](std::int64_t i) {
                        ASSERT_LT(i, static_cast<std::int64_t>(size));
                        ++calls[i];
                      });
    for (const auto& call : calls) ASSERT_EQ(call, 1);
  }
}

TEST(ThreadPoolTest, WakesUpAfterAPause) {
  ThreadPool pool(2);
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // long enough to fall asleep
    std::atomic<int> done{0};
    pool.parallel_for(8, [&](std::int64_t) { ++done; });
    EXPECT_EQ(done, 8);
  }
}

}  // namespace
}  // namespace linnet
