#include "base/new_file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

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

TEST(NewFile, WhatWasPrivateStaysPrivate) {
  const test::TemporaryFolder folder;
  test::write_file(folder / "file", "old");
  std::filesystem::permissions(folder / "file", std::filesystem::perms{0600});
  NewFile file(folder / "file");
  ASSERT_TRUE(file.write(bytes_of("new")));
  ASSERT_TRUE(file.finish());
  EXPECT_EQ(std::filesystem::status(folder / "file").permissions(), std::filesystem::perms{0600});
}

TEST(NewFile, ReplacesTheFileBehindALink) {
  const test::TemporaryFolder folder;
  std::filesystem::create_directory(folder / "disk");
  test::write_file(folder / "disk" / "file", "old");
  std::filesystem::create_symlink("disk/file", folder / "link");
  NewFile file(folder / "link");
  ASSERT_TRUE(file.write(bytes_of("new")));
  ASSERT_TRUE(file.finish());
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(test::read_file(folder / "disk" / "file"), "new");
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
class NewFileOverOthers : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(mkfifo(pipe_.c_str(), 0600), 0); }
  void TearDown() override {
    EXPECT_TRUE(std::filesystem::is_fifo(pipe_));
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
  }
  const test::TemporaryFolder folder_;
  const std::filesystem::path pipe_ = folder_ / "pipe";
};

TEST_F(NewFileOverOthers, NeitherAFolderNorAPipeThatNobodyReads) {
  const std::pair<std::filesystem::path, const char*> cases[] = {
      {folder_.path(), "Is a directory"}, {pipe_, "No such device or address"}};
  for (const auto& [path, reason] : cases) {
    NewFile file(path);
    const Status status = file.write(bytes_of("text"));
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().message, path.string() + ": cannot be written: " + reason);
    EXPECT_FALSE(file.finish());
  }
}

TEST_F(NewFileOverOthers, APipeGetsAllThatItsReaderTakes) {
  const int reader = open(pipe_.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  fcntl(reader, F_SETFL, 0);
  const std::string text(1 << 20, 'x');  // more than a pipe holds
  NewFile file(pipe_);  // before the reader begins: without a writer it would be at the end
  std::thread writer([&] {
    EXPECT_TRUE(file.write(bytes_of(text)));
    EXPECT_TRUE(file.finish());
  });
  std::string found(text.size() + 1, '\0');
  std::size_t size = 0;
  for (ssize_t more = 1; more > 0; size += static_cast<std::size_t>(std::max<ssize_t>(more, 0))) {
    more = read(reader, found.data() + size, found.size() - size);
  }
  writer.join();
  close(reader);
  EXPECT_EQ(found.substr(0, size), text);
}

TEST_F(NewFileOverOthers, AFullDevice) {
  NewFile file("/dev/full");
  const Status status = file.write(bytes_of("text"));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "/dev/full: cannot be written: No space left on device");
}

}  // namespace
}  // namespace linnet
