#include "generate/cache/page_pool.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "support/processor_time.hpp"

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

// A pool with two full pages behind each other, which begin `tokens`.
struct TwoPages {
  PagePool pool{4};
  std::vector<std::int32_t> tokens = ids(3 * kPageTokens);
  std::vector<std::int32_t> pages;
  std::uint64_t hash = empty_prefix_hash();

  TwoPages() {
    for (int i = 0; i < 2; ++i) {
      pages.push_back(*pool.take());
      hash = pool.remember(hash, std::span(tokens).subspan(i * kPageTokens, kPageTokens), pages[i]);
    }
  }
};

TEST(PagePoolTest, FindsFullPages) {
  TwoPages known;
  const auto prefix = known.pool.find_prefix(known.tokens);
  EXPECT_EQ(prefix.pages, known.pages);
  EXPECT_EQ(prefix.hash(), known.hash);
  EXPECT_FALSE(prefix.tail);
  known.tokens[0] = 99999;
  EXPECT_EQ(known.pool.find_prefix(known.tokens).tokens(), 0);
}

TEST(PagePoolTest, FindsThePartOfAPageThatIsCommon) {
  TwoPages known;
  known.tokens[kPageTokens + 5] = 99999;
  const auto prefix = known.pool.find_prefix(known.tokens);
  EXPECT_EQ(prefix.pages.size(), 1u);
  EXPECT_EQ(prefix.tail, known.pages[1]);
  EXPECT_EQ(prefix.tokens(), kPageTokens + 5);
}

TEST(PagePoolTest, APageThatIsNotFullIsFoundAndMayGrow) {
  TwoPages known;
  const auto rest = std::span(known.tokens).subspan(2 * kPageTokens);
  const std::int32_t page = *known.pool.take(), other = *known.pool.take();
  known.pool.remember(known.hash, rest.first(3), page);
  EXPECT_EQ(known.pool.find_prefix(known.tokens).tokens(), 2 * kPageTokens + 3);
  known.pool.remember(known.hash, rest.first(2), other);  // nothing new
  known.pool.remember(known.hash, rest.first(10), page);
  const auto prefix = known.pool.find_prefix(known.tokens);
  EXPECT_EQ(prefix.tail, page);
  EXPECT_EQ(prefix.tail_tokens, 10);
  known.pool.remember(known.hash, rest, page);
  EXPECT_EQ(known.pool.find_prefix(known.tokens).pages.size(), 3u);
}

TEST(PagePoolTest, OfTwoContinuationsTheLongerOneIsFound) {
  TwoPages known;
  auto other = std::vector<std::int32_t>{known.tokens[64], known.tokens[65], 7, 7, 7};
  const std::int32_t a = *known.pool.take(), b = *known.pool.take();
  known.pool.remember(known.hash, other, a);
  known.pool.remember(known.hash, std::span(known.tokens).subspan(64, 4), b);
  EXPECT_EQ(known.pool.find_prefix(known.tokens).tail, b);
}

TEST(PagePoolTest, OfTwoPagesWithTheSameTokensTheOneInUseIsRemembered) {
  TwoPages known;
  const std::int32_t copy = *known.pool.take();
  const auto second = std::span(known.tokens).subspan(kPageTokens, kPageTokens);
  const std::uint64_t parent =
      extend_prefix_hash(empty_prefix_hash(), std::span(known.tokens).first(kPageTokens));
  known.pool.remember(parent, second, copy);
  EXPECT_EQ(known.pool.find_prefix(known.tokens).pages[1], known.pages[1]) << "both are in use";
  for (int i = 0; i < 2; ++i) known.pool.release(known.pages[1]);  // its owner's, and the search's
  known.pool.remember(parent, second, copy);
  EXPECT_EQ(known.pool.find_prefix(known.tokens).pages[1], copy);
  EXPECT_EQ(known.pool.take(), known.pages[1]) << "the other one is the first to be given away";
}

// Against a search through all of them.
TEST(PagePoolTest, OfManyContinuationsTheLongestIsFound) {
  std::mt19937 random(1);
  const auto some_tokens = [&] {
    std::vector<std::int32_t> tokens(1 + random() % kPageTokens);
    for (std::int32_t& token : tokens) token = static_cast<std::int32_t>(random() % 2);
    return tokens;
  };
  constexpr int kPages = 300;
  PagePool pool(kPages);
  std::vector<std::vector<std::int32_t>> known;
  for (int i = 0; i < kPages; ++i) {
    known.push_back(some_tokens());
    pool.remember(empty_prefix_hash(), known.back(), *pool.take());
  }
  for (int i = 0; i < 300; ++i) {
    const auto tokens = some_tokens();
    std::ptrdiff_t longest = 0;
    for (const auto& other : known) {
      longest = std::max(longest, std::ranges::mismatch(other, tokens).in1 - other.begin());
    }
    EXPECT_EQ(pool.find_prefix(tokens).tokens(), longest);
  }
}

// All pages behind one beginning were looked through for each page: some 13 ms a request with
// 20,000, in which no text went on.
TEST(PagePoolTest, ManyContinuationsAreNotLookedThrough) {
  constexpr std::int32_t kPages = 40'000;
  PagePool pool(kPages);
  const double start_s = test::processor_time_s();
  for (std::int32_t i = 0; i < kPages; ++i) {
    pool.remember(empty_prefix_hash(), ids(kPageTokens, i), *pool.take());
  }
  for (std::int32_t i = 0; i < kPages; ++i) {
    EXPECT_EQ(pool.find_prefix(ids(kPageTokens, i)).pages.size(), 1u);
  }
  EXPECT_LT(test::processor_time_s() - start_s, 10);
}

TEST(PagePoolTest, KeepsReleasedPagesUntilTheyAreNeeded) {
  PagePool pool(2);
  const auto tokens = ids(kPageTokens);
  const std::int32_t page = *pool.take();
  pool.remember(empty_prefix_hash(), tokens, page);
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
