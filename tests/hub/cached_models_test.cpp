// What is listed of what lies in the cache.

#include "hub/cached_models.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "hub/cached_models_fixture.hpp"

namespace linnet::hub {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using State = CachedModel::State;

TEST_F(CachedModelsTest, ACacheThatIsNotThereHasNone) {
  EXPECT_THAT(list().models, IsEmpty());
  EXPECT_FALSE(fs::exists(root));
}

TEST_F(CachedModelsTest, AModelIsToldWithItsRevisionsAndItsTime) {
  put(kFirst, "d/m.gguf", "e", "12345");
  ASSERT_TRUE(cache.remember("main", kFirst));
  ASSERT_TRUE(cache.remember("refs/pr/1", kFirst));
  const timespec times[] = {{2'000'000'000, 0}, {1'000'000'000, 0}};  // read, written
  ASSERT_EQ(utimensat(AT_FDCWD, cache.blob("e").c_str(), times, 0), 0);
  const CachedModels found = list();
  ASSERT_EQ(found.models.size(), 1u);
  const CachedModel& model = found.models[0];
  EXPECT_EQ(model.repo, "o/m");
  EXPECT_EQ(model.file, "d/m.gguf");
  EXPECT_EQ(model.state, State::kWhole);
  EXPECT_THAT(model.revisions, ElementsAre("main", "refs/pr/1"));
  EXPECT_EQ(model.size_bytes, 5u);
  EXPECT_EQ(model.last_used, 2'000'000'000);
  EXPECT_EQ(test::read_file(model.path), "12345");
  EXPECT_EQ(found.size_bytes, 5u);
  EXPECT_EQ(found.freed_bytes, 5u);
  EXPECT_THAT(found.notes, IsEmpty());
}

TEST_F(CachedModelsTest, OnlyGgufFilesOfModelsCount) {
  put(kFirst, "model.safetensors", "e", "12345");
  put_blob("f", "not linked, and no GGUF file");
  put_blob("g.incomplete", "PK..");
  test::put_file(root / "datasets--o--d/snapshots" / kFirst / "m.gguf", "GGUF");
  test::put_file(root / "version.txt", "1");
  EXPECT_THAT(list().models, IsEmpty());
  EXPECT_THAT(list().notes, IsEmpty());
}

TEST_F(CachedModelsTest, ASplitModelIsOne) {
  put(kFirst, "m-00001-of-00002.gguf", "e", "123");
  put(kFirst, "m-00002-of-00002.gguf", "f", "45");
  const CachedModels found = list({.repo = "o/m", .file = "m-00002-of-00002.gguf"});
  ASSERT_THAT(files(found), ElementsAre("m-00001-of-00002.gguf"));
  EXPECT_EQ(found.models[0].parts, 2u);
  EXPECT_EQ(found.models[0].size_bytes, 5u);
  EXPECT_EQ(found.models[0].state, State::kWhole);
  EXPECT_EQ(remove().models, 1u);
  EXPECT_FALSE(fs::exists(repo));
}

TEST_F(CachedModelsTest, WhatIsMissingMakesItDamaged) {
  put(kFirst, "m-00001-of-00002.gguf", "e", "123");
  ASSERT_TRUE(cache.link("gone", kFirst, "n.gguf"));
  const CachedModels found = list();
  ASSERT_EQ(found.models.size(), 2u);
  EXPECT_EQ(found.models[0].state, State::kDamaged);
  EXPECT_EQ(found.models[1].state, State::kDamaged);
  EXPECT_EQ(found.models[1].size_bytes, 0u);
  EXPECT_THAT(remove().errors, IsEmpty());
  EXPECT_FALSE(fs::exists(repo));
}

// Also where most of them are missing.
TEST_F(CachedModelsTest, ManyPartsAreOneModel) {
  for (int i = 1; i <= 400; ++i) {
    test::put_file(repo / "snapshots" / kFirst / fmt::format("m-{:05}-of-01000.gguf", i), "1");
  }
  const CachedModels found = list();
  ASSERT_EQ(found.models.size(), 1u);
  EXPECT_EQ(found.models[0].size_bytes, 400u);
  EXPECT_EQ(found.models[0].state, State::kDamaged);
}

TEST_F(CachedModelsTest, TheSameBytesInTwoCommitsAreOneModelOthersAreTwo) {
  put(kFirst, "m.gguf", "e", "123");
  put(kSecond, "m.gguf", "e", "123");
  ASSERT_TRUE(cache.remember("v1", kFirst));
  ASSERT_TRUE(cache.remember("main", kSecond));
  ASSERT_EQ(list().models.size(), 1u);
  EXPECT_THAT(list().models[0].revisions, ElementsAre("v1", "main"));
  put(kSecond, "m.gguf", "f", "4567");
  EXPECT_EQ(list().models.size(), 2u);
  EXPECT_EQ(list({.repo = "o/m", .revision = "main"}).size_bytes, 4u);
  EXPECT_EQ(list({.repo = "o/m", .revision = kFirst}).size_bytes, 3u);
  EXPECT_THAT(list({.repo = "o/m", .revision = "v2"}).models, IsEmpty());
}

// Looking at the cache is no use of a model.
TEST_F(CachedModelsTest, ListingChangesNoTime) {
  put_blob("g", "GGUF");
  const timespec times[] = {{1'000'000'000, 0}, {1'100'000'000, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, cache.blob("g").c_str(), times, 0), 0);
  EXPECT_EQ(list().models.at(0).last_used, 1'100'000'000);
  struct stat status {};
  ASSERT_EQ(stat(cache.blob("g").c_str(), &status), 0);
  EXPECT_EQ(status.st_atime, 1'000'000'000);
}

}  // namespace
}  // namespace linnet::hub
