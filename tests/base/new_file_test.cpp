#include "base/new_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace linnet
