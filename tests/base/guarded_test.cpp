#include "base/guarded.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace linnet {
namespace {

TEST(Guarded, GivesWhatTheBodyGives) {
  EXPECT_EQ(*guarded([] { return Result<int>(7); }), 7);
  EXPECT_EQ(guarded([]() -> Status { return Error{"no"}; }).error().message, "no");
}

TEST(Guarded, WhatIsThrownBecomesAnError) {
  const auto no_memory = guarded([]() -> Result<int> { throw std::bad_alloc(); });
  EXPECT_EQ(no_memory.error().message, kOutOfMemory);
  const Status other = guarded([]() -> Status { throw std::runtime_error("too far"); });
  EXPECT_EQ(other.error().message, "too far");
}

}  // namespace
}  // namespace linnet
