#include "backend/kv_pages.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace linnet {
namespace {

TEST(KvPages, ThereIsOneForEachTokenThatIsBegun) {
  EXPECT_EQ(pages_for(0), 0);
  EXPECT_EQ(pages_for(1), 1);
  EXPECT_EQ(pages_for(kPageTokens), 1);
  EXPECT_EQ(pages_for(kPageTokens + 1), 2);
}

// A file may say so.
TEST(KvPages, NoNumberOfTokensIsTooLarge) {
  EXPECT_EQ(pages_for(std::numeric_limits<std::uint64_t>::max()), std::uint64_t{1} << 59);
  EXPECT_EQ(pages_for(std::numeric_limits<std::int32_t>::max()), 1 << 26);
}

}  // namespace
}  // namespace linnet
