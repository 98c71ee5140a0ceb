#include "base/lost_pages.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <optional>

#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

constexpr std::size_t kBytes = 100'000;

/// A mapping of a file that can be cut.
class LostPagesTest : public testing::Test {
 protected:
  LostPagesTest() {
    test::write_file(folder_ / "a", std::string(kBytes, 'x'));
    const int file = open((folder_ / "a").c_str(), O_RDONLY | O_CLOEXEC);
    void* const address = mmap(nullptr, kBytes, PROT_READ, MAP_SHARED, file, /*offset=*/0);
    close(file);
    mapping_ = {static_cast<const std::byte*>(address), kBytes};
  }
  ~LostPagesTest() override { munmap(const_cast<std::byte*>(mapping_.data()), kBytes); }

  void cut() { std::filesystem::resize_file(folder_ / "a", 0); }

  const test::TemporaryFolder folder_;
  std::span<const std::byte> mapping_;
};

TEST_F(LostPagesTest, AreNoneWhereTheFileIsWhole) {
  const LostPages pages(mapping_);
  EXPECT_EQ(std::to_integer<char>(mapping_[kBytes - 1]), 'x');
  EXPECT_FALSE(pages.any());
}

TEST_F(LostPagesTest, ReadAsZerosAndAreKnown) {
  const LostPages pages(mapping_);
  cut();
  EXPECT_FALSE(pages.any());
  EXPECT_EQ(mapping_[kBytes / 2], std::byte{0});
  EXPECT_TRUE(pages.any());
}

TEST_F(LostPagesTest, LeaveTheirPlaceToTheNextGuard) {
  std::optional<LostPages> pages(mapping_);
  cut();
  EXPECT_EQ(mapping_[0], std::byte{0});
  EXPECT_TRUE(pages->any());
  pages.reset();
  pages.emplace(mapping_);
  EXPECT_FALSE(pages->any());
}

TEST_F(LostPagesTest, OfOtherMappingsEndTheProcessAsBefore) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        signal(SIGBUS, [](int) { _exit(7); });
        const std::byte guarded{};
        const LostPages pages({&guarded, 1});
        cut();
        std::_Exit(std::to_integer<int>(mapping_[0]));
      },
      testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace linnet
