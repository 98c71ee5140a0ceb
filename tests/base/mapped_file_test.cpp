#include "base/mapped_file.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

TEST(MappedFile, ShowsTheFile) {
  const test::TemporaryFolder folder;
  test::write_file(folder / "a", "content");
  auto file = MappedFile::open(folder / "a");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->path(), folder / "a");
  ASSERT_EQ(file->bytes().size(), 7u);
  EXPECT_EQ(std::memcmp(file->bytes().data(), "content", 7), 0);
}

TEST(MappedFile, StaysWhereItIsWhenMoved) {
  const test::TemporaryFolder folder;
  test::write_file(folder / "a", "aaa");
  test::write_file(folder / "b", "bbbb");
  auto a = MappedFile::open(folder / "a");
  auto b = MappedFile::open(folder / "b");
  ASSERT_TRUE(a);
  ASSERT_TRUE(b);
  const std::byte* const place = b->bytes().data();
  *a = std::move(*b);
  EXPECT_EQ(a->bytes().data(), place);
  EXPECT_EQ(a->bytes().size(), 4u);
  EXPECT_EQ(a->path(), folder / "b");
  const MappedFile moved(std::move(*a));
  EXPECT_EQ(moved.bytes().data(), place);
  EXPECT_TRUE(moved.check_unchanged());
}

TEST(MappedFile, ReadsReleasedPagesAgain) {
  const test::TemporaryFolder folder;
  const std::string content(100'000, 'x');
  test::write_file(folder / "a", content);
  const auto file = MappedFile::open(folder / "a");
  ASSERT_TRUE(file);
  EXPECT_EQ(std::to_integer<char>(file->bytes()[50'000]), 'x');
  file->release(file->bytes().subspan(10, 90'000));
  EXPECT_EQ(std::memcmp(file->bytes().data(), content.data(), content.size()), 0);
}

TEST(MappedFile, ReleasesNothingThatIsNotItsOwn) {
  const test::TemporaryFolder folder;
  test::write_file(folder / "a", "aaa");
  const auto file = MappedFile::open(folder / "a");
  ASSERT_TRUE(file);
  const std::vector<std::byte> other(100'000, std::byte{7});
  file->release(other);
  EXPECT_EQ(other[50'000], std::byte{7});
}

TEST(MappedFile, ReadsZerosWhereTheFileIsCut) {
  const test::TemporaryFolder folder;
  test::write_file(folder / "a", std::string(100'000, 'x'));
  test::write_file(folder / "b", std::string(100'000, 'y'));
  const auto file = MappedFile::open(folder / "a");
  const auto other = MappedFile::open(folder / "b");
  ASSERT_TRUE(file);
  ASSERT_TRUE(other);
  std::filesystem::resize_file(folder / "a", 5'000);
  EXPECT_EQ(std::to_integer<char>(file->bytes()[4'999]), 'x');
  EXPECT_EQ(file->bytes()[50'000], std::byte{0});
  EXPECT_EQ(file->bytes()[99'999], std::byte{0});
  EXPECT_EQ(std::to_integer<char>(other->bytes()[99'999]), 'y');
  const Status status = file->check_unchanged();
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("100000 bytes when opened, 5000 bytes now"),
            std::string::npos);
  EXPECT_TRUE(other->check_unchanged());
}

}  // namespace
}  // namespace linnet
