#include "base/read_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

TEST(ReadFile, GivesAllBytes) {
  const test::TemporaryFolder folder;
  std::string bytes;
  for (int i = 0; i < 200000; ++i) bytes += static_cast<char>(i * 31);
  test::write_file(folder / "a", bytes);
  const auto read = read_file(folder / "a", 200000);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, bytes);
  test::write_file(folder / "empty", "");
  EXPECT_EQ(*read_file(folder / "empty", 0), "");
}

TEST(ReadFile, SaysWhatIsWrong) {
  const test::TemporaryFolder folder;
  const std::string absent = (folder / "absent").string();
  EXPECT_EQ(read_file(absent, 10).error().message, absent + ": there is no such file");
  EXPECT_EQ(read_file(folder.path(), 10).error().message,
            folder.path().string() + ": cannot be read: Is a directory");
  // A device without end is not read for ever.
  EXPECT_EQ(read_file("/dev/zero", 1000).error().message, "/dev/zero: is longer than 1000 bytes");
}

}  // namespace
}  // namespace linnet
