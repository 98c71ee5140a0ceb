#include "hub/cache.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "support/put_file.hpp"
#include "support/temporary_folder.hpp"

namespace linnet::hub {
namespace {

namespace fs = std::filesystem;

const std::string kCommit(40, 'a');

TEST(CacheTest, FindsWhatHuggingfaceHubLeft) {
  const test::TemporaryFolder root;
  const fs::path folder = root.path() / "models--o--m";
  test::put_file(folder / "refs" / "main", kCommit);
  test::put_file(folder / "blobs" / "e", "bytes");
  fs::create_directories(folder / "snapshots" / kCommit / "d");
  fs::create_symlink("../../../blobs/e", folder / "snapshots" / kCommit / "d" / "f.gguf");
  const Cache cache(root.path(), "o/m");
  const auto found = cache.find("main", "d/f.gguf");
  ASSERT_TRUE(found);
  EXPECT_EQ(test::read_file(*found), "bytes");
  EXPECT_TRUE(cache.find(kCommit, "d/f.gguf"));
  EXPECT_FALSE(cache.find("main", "other.gguf"));
  EXPECT_FALSE(cache.find("v1", "d/f.gguf"));
}

// Bytes that this process has read so far.
std::int64_t bytes_read() {
  std::ifstream in("/proc/self/io");
  std::string name;
  std::int64_t bytes = -1;
  in >> name >> bytes;
  return name == "rchar:" ? bytes : -1;
}

TEST(CacheTest, OfALongRevisionOnlyTheBeginningIsRead) {
  const test::TemporaryFolder root;
  const fs::path main = root.path() / "models--o--m/refs/main";
  test::put_file(main, kCommit);
  constexpr std::int64_t kBytes = 16 << 20;
  fs::resize_file(main, kBytes);  // with zeros
  const std::int64_t before = bytes_read();
  EXPECT_FALSE(Cache(root.path(), "o/m").find("main", "f"));
  EXPECT_TRUE(Cache(root.path(), "o/m").names("main").empty());
  ASSERT_GT(before, 0);
  EXPECT_LT(bytes_read() - before, kBytes / 2);
}

TEST(CacheTest, ARevisionThatIsAPipeIsNotWaitedFor) {
  const test::TemporaryFolder root;
  const fs::path main = root.path() / "models--o--m/refs/main";
  fs::create_directories(main.parent_path());
  ASSERT_EQ(mkfifo(main.c_str(), 0600), 0);
  EXPECT_FALSE(Cache(root.path(), "o/m").find("main", "f"));
}

TEST(CacheTest, LinksAreRelativeAsHuggingfaceHubMakesThem) {
  const test::TemporaryFolder root;
  const Cache cache(root.path(), "o/m");
  ASSERT_TRUE(cache.prepare([] { return true; }));
  test::put_file(cache.blob("e"), "bytes");
  ASSERT_TRUE(cache.link("e", kCommit, "d/f.gguf"));
  ASSERT_TRUE(cache.link("e", kCommit, "d/f.gguf"));  // again is no error
  ASSERT_TRUE(cache.remember("refs/pr/1", kCommit));
  const fs::path folder = root.path() / "models--o--m";
  EXPECT_EQ(fs::read_symlink(folder / "snapshots" / kCommit / "d/f.gguf"), "../../../blobs/e");
  EXPECT_EQ(test::read_file(folder / "refs" / "refs" / "pr" / "1"), kCommit);
  EXPECT_TRUE(cache.find("refs/pr/1", "d/f.gguf"));
}

TEST(CacheTest, ALinkWithoutBlobIsNothing) {
  const test::TemporaryFolder root;
  const Cache cache(root.path(), "o/m");
  ASSERT_TRUE(cache.link("gone", kCommit, "f"));
  EXPECT_FALSE(cache.find(kCommit, "f"));
}

TEST(CacheTest, ListsWhatIsThere) {
  const test::TemporaryFolder root;
  const Cache cache(root.path(), "o/m");
  EXPECT_TRUE(cache.names("main").empty());
  ASSERT_TRUE(cache.prepare([] { return true; }));
  test::put_file(cache.blob("e"), "bytes");
  ASSERT_TRUE(cache.link("e", kCommit, "d/f.gguf"));
  ASSERT_TRUE(cache.link("e", kCommit, "a"));
  ASSERT_TRUE(cache.link("gone", kCommit, "b"));
  ASSERT_TRUE(cache.remember("main", kCommit));
  EXPECT_EQ(cache.names("main"), (std::vector<std::string>{"a", "d/f.gguf"}));
}

// Threads, and processes with the same number in other containers.
TEST(CacheTest, ManyMakeTheSameLink) {
  const test::TemporaryFolder root;
  const Cache cache(root.path(), "o/m");
  ASSERT_TRUE(cache.prepare([] { return true; }));
  test::put_file(cache.blob("e"), "bytes");
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 200; ++k) failures += !cache.link("e", kCommit, "f");
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_TRUE(cache.find(kCommit, "f"));
  EXPECT_EQ(cache.names(kCommit).size(), 1u);
}

TEST(CacheTest, EtagsThatLeaveTheFolderAreRefused) {
  EXPECT_TRUE(is_etag("0123abcDEF-_."));
  for (const char* etag : {"", ".", "..", "a/b", "../x", "a b"})
    EXPECT_FALSE(is_etag(etag)) << etag;
}

}  // namespace
}  // namespace linnet::hub
