#include "base/read_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

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

TEST(ReadFile, LeavesOutAByteOrderMarkOnce) {
  const test::TemporaryFolder folder;
  const std::string mark(kByteOrderMark);
  test::write_file(folder / "a", mark + mark + "text" + mark);
  EXPECT_EQ(*read_file(folder / "a", 100), mark + "text" + mark);
  EXPECT_EQ(*read_regular_file(folder / "a", 100), mark + "text" + mark);
  test::write_file(folder / "part", mark.substr(0, 2));
  EXPECT_EQ(*read_file(folder / "part", 100), mark.substr(0, 2));
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

TEST(ReadRegularFile, WaitsForNoPipe) {
  const test::TemporaryFolder folder;
  test::write_file(folder / "a", "bytes");
  EXPECT_EQ(*read_regular_file(folder / "a", 5), "bytes");
  EXPECT_EQ(read_regular_file(folder / "a", 4).error().message,
            (folder / "a").string() + ": is longer than 4 bytes");
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  for (const std::string& path : {(folder / "pipe").string(), folder.path().string(),
                                  std::string("/dev/zero"), std::string("/dev/null")}) {
    EXPECT_EQ(read_regular_file(path, 1000).error().message, path + ": is not a regular file");
  }
}

}  // namespace
}  // namespace linnet
