#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <limits>

#include "backend/backend.hpp"
#include "base/machine.hpp"

namespace linnet {
namespace {

TEST(Upload, IntegersKeepTheirBits) {
  const std::vector<std::int32_t> integers = {0, 1, -1, 1 << 30, std::bit_cast<int>(0x7fc00000)};
  for (const auto& backend : {make_reference_backend(), make_cpu_backend(2)}) {
    const auto buffer = backend->allocate(std::ssize(integers));
    ASSERT_TRUE(buffer) << buffer.error().message;
    backend->upload(integers, as_integers((*buffer)->data()));
    std::vector<float> bits(integers.size());
    backend->download({(*buffer)->data(), 1, std::ssize(bits), std::ssize(bits)}, bits.data());
    for (std::size_t i = 0; i < bits.size(); ++i) {
      EXPECT_EQ(std::bit_cast<std::int32_t>(bits[i]), integers[i]) << backend->name();
    }
  }
}

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
  const auto store = backend->make_kv_store(shape);
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().message,
              testing::HasSubstr("with 4398046511104 pages of 4194304 bytes for layer 1"));
}

TEST(CpuBackendAllocate, StatesThatAreTooLarge) {
  const auto backend = make_cpu_backend(1);
  const std::int64_t largest = std::numeric_limits<std::int64_t>::max();
  for (const StateShape& shape :
       {StateShape{{largest, largest, largest}, 1}, StateShape{{largest / 8, 1}, 1 << 20}}) {
    const auto store = backend->make_state_store(shape);
    ASSERT_FALSE(store);
    EXPECT_THAT(store.error().message,
                testing::ContainsRegex("too large: [0-9]+ slots of [0-9]+ numbers in [23] layers"));
  }
}

TEST(CpuBackendAllocate, HeadsThatAreTooWide) {
  const auto store = make_cpu_backend(1)->make_kv_store({{{1, 16, 16}, {1, 1 << 20, 16}}});
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().message,
              testing::HasSubstr("layer 1 of the KV cache has heads of 1048576 columns, expected"));
}

}  // namespace
}  // namespace linnet
