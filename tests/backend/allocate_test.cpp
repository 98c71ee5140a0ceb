#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backend/backend.hpp"
#include "base/machine.hpp"

namespace linnet {
namespace {

// The system would give out the addresses and end the program when it writes to them.
TEST(CpuBackendAllocate, MoreThanThereIsIsAnError) {
  const std::int64_t available = available_memory_bytes();
  if (available == 0) GTEST_SKIP() << "the available memory can't be read here";
  const auto backend = make_cpu_backend(1);
  EXPECT_TRUE(backend->allocate(1 << 20));
  const auto buffer = backend->allocate(available);  // floats
  ASSERT_FALSE(buffer);
  EXPECT_THAT(buffer.error().message, testing::HasSubstr("bytes were asked for, but only"));
}

// Products of sizes are no sizes where they do not fit.
TEST(CpuBackendAllocate, WhatIsNoNumberOfBytesIsAnError) {
  const auto backend = make_cpu_backend(1);
  EXPECT_FALSE(backend->allocate(std::int64_t{1} << 62));
  KvShape shape{{{16, 1024, 1024}}, KvType::kF32, std::int64_t{1} << 42};
  EXPECT_FALSE(backend->make_kv_store(shape));
  shape.layers = {{1, 16, 16}, {16, 1024, 1024}, {1, 16, 16}};
  EXPECT_FALSE(backend->make_kv_store(shape));
}

}  // namespace
}  // namespace linnet
