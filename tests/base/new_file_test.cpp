#include "base/new_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

TEST(NewFile, ReplacesTheOldOneWhenItIsFinished) {
  const test::TemporaryFolder folder;
  test::write_file(folder / "file", "old");
  {
    NewFile file(folder / "file");
    ASSERT_TRUE(file.write(bytes_of("new ")));
    EXPECT_EQ(test::read_file(folder / "file"), "old");
    ASSERT_TRUE(file.write(bytes_of("text")));
    ASSERT_TRUE(file.finish());
  }
  EXPECT_EQ(test::read_file(folder / "file"), "new text");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(NewFile, LeavesNothingUnfinished) {
  const test::TemporaryFolder folder;
  {
    NewFile file(folder / "file");
    ASSERT_TRUE(file.write(bytes_of("text")));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(NewFile, SaysWhyItCannotBeWritten) {
  NewFile file("/nowhere/file");
  const Status status = file.write(bytes_of("text"));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "/nowhere/file: cannot be written: No such file or directory");
}

// A rename onto a device would take its place for every program of the machine.
TEST(NewFile, ReplacesNeitherDevicesNorFolders) {
  const test::TemporaryFolder folder;
  const auto pipe = folder / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  std::filesystem::create_directory(folder / "folder");
  for (const auto& path : {pipe, folder / "folder"}) {
    NewFile file(path);
    const Status status = file.write(bytes_of("text"));
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().message,
              path.string() + ": is not a regular file and can't be replaced by one");
    EXPECT_FALSE(file.finish());
  }
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 2);
}

}  // namespace
}  // namespace linnet
