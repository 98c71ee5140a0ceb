#include "serve/engines/line_limits.hpp"

#include <gtest/gtest.h>

namespace linnet::serve {
namespace {

using std::chrono_literals::operator""ms;

// The pieces one behind the other, each as it came or cut.
std::string written(LineLimits limits, std::initializer_list<const char*> pieces,
                    double seconds = 1.0) {
  std::string all;
  for (const char* const piece : pieces) all += limits.push(piece, seconds);
  return all;
}

TEST(LineLimits, NothingIsCutWithoutThem) {
  EXPECT_EQ(written(LineLimits({}), {"a\n", "b\n\nc"}), "a\nb\n\nc");
}

TEST(LineLimits, ATextEndsAtALineOutsideItsBlock) {
  const LineLimits limits({.least_indent = 2});
  EXPECT_EQ(written(limits, {"a\n", " ", " b\n\t\tc\n", "d\n", "  e"}), "a\n  b\n\t\tc\n");
  EXPECT_EQ(written(limits, {"a\n b"}), "a\n ");
  EXPECT_EQ(written(limits, {"a\n   b"}), "a\n   b");
}

TEST(LineLimits, ATextThatTakesLongEndsWithItsLine) {
  const LineLimits limits({.most_time = 500ms});
  EXPECT_EQ(written(limits, {"a\n", "b"}, /*seconds=*/0.4), "a\nb");
  EXPECT_EQ(written(limits, {"a", "b\nc", "d"}, /*seconds=*/0.6), "ab");
}

}  // namespace
}  // namespace linnet::serve
