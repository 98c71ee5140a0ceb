#include "generate/page_pool.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace linnet {
namespace {

std::vector<std::int32_t> ids(int count, int first = 0) {
  std::vector<std::int32_t> result(count);
  std::iota(result.begin(), result.end(), first);
  return result;
}

TEST(PagePoolTest, GivesEachPageToOneHolder) {
  PagePool pool(3);
  const auto a = pool.take(), b = pool.take(), c = pool.take();
  ASSERT_TRUE(a && b && c);
  EXPECT_NE(*a, *b);
  EXPECT_NE(*b, *c);
  EXPECT_NE(*a, *c);
  EXPECT_FALSE(pool.take());
  pool.release(*b);
  EXPECT_EQ(pool.take(), b);
}

TEST(PagePoolTest, FindsAPrefixInWholePages) {
  PagePool pool(4);
  const auto tokens = ids(3 * kPageTokens);
  std::uint64_t hash = PagePool::kEmptyPrefix;
  std::vector<std::int32_t> pages;
  for (int i = 0; i < 2; ++i) {
    pages.push_back(*pool.take());
    hash = pool.remember(hash, std::span(tokens).subspan(i * kPageTokens, kPageTokens), pages[i]);
  }
  EXPECT_EQ(pool.find_prefix(tokens).pages, pages);
  EXPECT_EQ(pool.find_prefix(tokens).hash(), hash);
  const auto shorter = std::span(tokens).first(2 * kPageTokens - 1);
  EXPECT_EQ(pool.find_prefix(shorter).pages.size(), 1u);
  auto other = tokens;
  other[0] = 99999;
  EXPECT_TRUE(pool.find_prefix(other).pages.empty());
}

TEST(PagePoolTest, KeepsReleasedPagesUntilTheyAreNeeded) {
  PagePool pool(2);
  const auto tokens = ids(kPageTokens);
  const std::int32_t page = *pool.take();
  pool.remember(PagePool::kEmptyPrefix, tokens, page);
  pool.release(page);
  EXPECT_EQ(pool.free_pages(), 2);
  EXPECT_EQ(pool.find_prefix(tokens).pages, std::vector{page});  // held again
  EXPECT_EQ(pool.free_pages(), 1);
  pool.release(page);
  ASSERT_NE(*pool.take(), page);  // the page that nobody remembers goes first
  EXPECT_EQ(*pool.take(), page);
  EXPECT_TRUE(pool.find_prefix(tokens).pages.empty());
}

}  // namespace
}  // namespace linnet
