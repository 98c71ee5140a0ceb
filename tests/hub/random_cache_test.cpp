// Caches in which anything lies anywhere: nothing that others need, and nothing outside, goes.

#include <gmock/gmock.h>

#include <random>

#include "hub/cached_models_fixture.hpp"

namespace linnet::hub {
namespace {

namespace fs = std::filesystem;

// A sound repo, and files, folders and links of the names that matter anywhere in and about it.
class RandomCache {
 public:
  RandomCache(fs::path root, fs::path outside, unsigned seed)
      : root_(std::move(root)), outside_(std::move(outside)), random_(seed) {
    const fs::path repo = root_ / "models--o--m";
    for (const char* blob : {"e", "f"}) test::put_file(repo / "blobs" / blob, "GGUF");
    for (const std::string& commit : {kFirst, kSecond}) {
      fs::create_directories(repo / "snapshots" / commit);
      const fs::path blobs = "../../blobs";
      fs::create_symlink(blobs / one_of({"e", "f"}), repo / "snapshots" / commit / "README.md");
      fs::create_symlink(blobs / one_of({"e", "f"}), repo / "snapshots" / commit / "m.gguf");
    }
    fill(root_, 0);
  }

 private:
  std::string one_of(const std::vector<std::string>& words) {
    return words[random_() % words.size()];
  }

  // Mostly what belongs there.
  std::string name(int depth) {
    const std::vector<std::string> by_depth[] = {
        {"models--o--m", "models--o--n", "models--p", "datasets--o--m", ".locks"},
        {"blobs", "snapshots", "refs", "models--o--m", ".no_exist"},
        {kFirst, kSecond, "e", "f", "f.incomplete", "main", "m.gguf"},
        {"m.gguf", "n-00001-of-00002.gguf", "n-00002-of-00002.gguf", "README.md", "d"},
        {"m.gguf", "README.md"}};
    return one_of(by_depth[random_() % 8 == 0 ? random_() % 5 : static_cast<unsigned>(depth)]);
  }

  fs::path target() {
    const std::string blob = one_of({"e", "f", "f.incomplete", "gone"});
    switch (random_() % 8) {
      case 0:
        return outside_ / one_of({"e", "m.gguf", "d"});
      case 1:
        return root_ / "models--o--m" / one_of({"blobs", "snapshots"});
      case 2:
        return outside_;
      case 3:
        return one_of({"m.gguf", ".", "..", "../..", "/", "/dev/zero"});
      case 4:
        return fs::path("../../../blobs") / blob;
      default:
        return fs::path("../../blobs") / blob;
    }
  }

  void fill(const fs::path& folder, int depth) {
    std::error_code ignored;
    fs::create_directories(folder, ignored);
    for (int i = 0; i < 3; ++i) {
      const fs::path path = folder / name(depth);
      if (fs::exists(fs::symlink_status(path))) continue;
      const bool is_folder = random_() % (depth < 2 ? 10 : 3) != 0;
      if (is_folder && depth < 4) {
        fill(path, depth + 1);
      } else if (random_() % 3 == 0) {
        test::write_file(path, one_of({"GGUF", "GGUF2", "x", "", kFirst, kSecond}));
      } else {
        fs::create_symlink(target(), path);
      }
    }
  }

  const fs::path root_, outside_;
  std::mt19937 random_;
};

// What a link of a snapshot that is no model leads to, where that is a blob of its repo.
std::vector<fs::path> needed_blobs(const fs::path& root) {
  std::vector<fs::path> blobs;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string path = entry.path().string();
    std::error_code failure;
    const bool is_shown = path.find("/snapshots/") != path.npos && !path.ends_with(".gguf");
    if (!is_shown || !entry.is_symlink() || !fs::is_regular_file(entry.path(), failure)) continue;
    const fs::path blob = fs::canonical(entry.path());
    if (blob.parent_path().filename() == "blobs") blobs.push_back(blob);
  }
  return blobs;
}

TEST_F(CachedModelsTest, WhateverLiesThereNothingThatOthersNeedIsRemoved) {
  std::size_t removed = 0, needed = 0;
  for (unsigned seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    const test::TemporaryFolder place;
    const fs::path cache_root = fs::canonical(place.path()) / "hub", outside = place / "outside";
    for (const char* name : {"e", "m.gguf", "d/m.gguf"}) test::put_file(outside / name, "GGUF");
    const RandomCache filled(cache_root, outside, seed);
    const auto blobs = needed_blobs(cache_root);
    needed += blobs.size();
    CacheSelection selection;
    selection.unfinished_only = seed % 3 == 0;
    if (seed % 2 == 0) selection.repo = "o/m";
    const auto found = list_cached_models(cache_root, selection);
    ASSERT_TRUE(found) << found.error().message;
    const CacheRemoval done = remove_cached_models(cache_root, found->models);
    removed += done.models;
    EXPECT_LE(done.freed_bytes, found->freed_bytes);
    for (const char* name : {"e", "m.gguf", "d/m.gguf"}) {
      EXPECT_EQ(test::read_file(outside / name), "GGUF") << name;
    }
    for (const fs::path& blob : blobs) EXPECT_TRUE(fs::exists(blob)) << blob;
  }
  EXPECT_GT(removed, 20u);
  EXPECT_GT(needed, 20u);
}

}  // namespace
}  // namespace linnet::hub
