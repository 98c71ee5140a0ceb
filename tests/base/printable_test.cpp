#include "base/printable.hpp"

#include <gtest/gtest.h>

namespace linnet {
namespace {

TEST(PrintableTest, KeepsText) {
  EXPECT_EQ(printable("a é 漢 🦆"), "a é 漢 🦆");
  EXPECT_EQ(without_controls("a\n\té 漢 🦆"), "a\n\té 漢 🦆");
}

TEST(PrintableTest, NothingSteersATerminal) {
  EXPECT_EQ(printable("\x1b[2J\n\x7f\xc2\x9b"), "?[2J???");
  EXPECT_EQ(without_controls("\x1b[2J\r\x7f\xc2\x9b!"), "[2J!");
}

TEST(PrintableTest, NothingTurnsTheDirectionOfWhatFollows) {
  EXPECT_EQ(printable("a\u202e\u2066\u2069b"), "a???b");
}

TEST(PrintableTest, BytesThatAreNotUtf8AreShown) {
  EXPECT_EQ(printable("\xff\x9b\xe6\x97"), "????");  // 0x9b alone steers some terminals
  EXPECT_EQ(without_controls("\xff!"), "\xff!");
}

}  // namespace
}  // namespace linnet
