// What may be removed of what lies in the cache: nothing that others need, and nothing outside,
// whatever somebody has put there.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/cached_models_fixture.hpp"
#include "hub/download_fixture.hpp"
#include "hub/folder.hpp"

namespace linnet::hub {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using State = CachedModel::State;

TEST_F(CachedModelsTest, OtherReposAndFilesStay) {
  put(kFirst, "m.gguf", "e", "123");
  put(kFirst, "n.gguf", "f", "45");
  ASSERT_TRUE(cache.remember("main", kFirst));
  test::put_file(root / "models--o--m2/snapshots" / kFirst / "m.gguf", "1");
  const CacheRemoval done = remove({.repo = "o/m", .file = "m.gguf"});
  EXPECT_EQ(done.models, 1u);
  EXPECT_EQ(done.freed_bytes, 3u);
  EXPECT_THAT(done.errors, IsEmpty());
  EXPECT_THAT(files(list()), ElementsAre("n.gguf", "m.gguf"));
  EXPECT_FALSE(fs::exists(cache.blob("e")));
  EXPECT_TRUE(cache.find("main", "n.gguf"));
}

TEST_F(CachedModelsTest, ABlobThatAnotherRevisionLinksToStays) {
  put(kFirst, "m.gguf", "e", "123");
  put(kSecond, "m.gguf", "e", "123");
  ASSERT_TRUE(cache.remember("v1", kFirst));
  ASSERT_TRUE(cache.remember("main", kSecond));
  const CacheSelection old = {.repo = "o/m", .revision = "v1"};
  EXPECT_EQ(list(old).size_bytes, 3u);
  EXPECT_EQ(list(old).freed_bytes, 0u);
  const CacheRemoval done = remove(old);
  EXPECT_EQ(done.models, 1u);
  EXPECT_EQ(done.freed_bytes, 0u);
  EXPECT_FALSE(fs::exists(repo / "snapshots" / kFirst));
  EXPECT_FALSE(fs::exists(repo / "refs/v1"));  // which would stand for nothing
  EXPECT_EQ(test::read_file(cache.find("main", "m.gguf").value()), "123");
}

// huggingface_hub makes absolute links where it must, and a person may add links of another kind.
TEST_F(CachedModelsTest, ABlobThatAnyKindOfLinkLeadsToStays) {
  put(kFirst, "m.gguf", "e", "123");
  fs::create_directories(repo / "snapshots" / kSecond / "d");
  fs::create_symlink(cache.blob("e"), repo / "snapshots" / kSecond / "d/absolute.bin");
  EXPECT_EQ(remove({.repo = "o/m", .file = "m.gguf"}).freed_bytes, 0u);
  EXPECT_EQ(test::read_file(repo / "snapshots" / kSecond / "d/absolute.bin"), "123");
  EXPECT_THAT(list().models, IsEmpty());  // not taken for unfinished
}

TEST_F(CachedModelsTest, WhatIsNoModelStays) {
  put(kFirst, "m.gguf", "e", "123");
  put(kFirst, "README.md", "f", "text");
  put_blob("g", "no GGUF");
  ASSERT_TRUE(cache.remember("main", kFirst));
  EXPECT_EQ(remove().freed_bytes, 3u);
  EXPECT_EQ(test::read_file(cache.find("main", "README.md").value()), "text");
  EXPECT_TRUE(fs::exists(cache.blob("g")));
}

// As newer huggingface_hub keep bytes of several repos.
TEST_F(CachedModelsTest, BlobsThatAreLinksToAStore) {
  test::put_file(root / "blobs/ab/abcd", "GGUF");
  put(kFirst, "m.gguf", "e", "");
  put(kSecond, "m.gguf", "e", "");
  fs::remove(cache.blob("e"));
  fs::create_symlink("../../blobs/ab/abcd", cache.blob("e"));
  const CachedModels found = list();
  ASSERT_EQ(found.models.size(), 1u);
  EXPECT_EQ(found.models[0].size_bytes, 4u);
  EXPECT_EQ(found.models[0].state, State::kWhole);
  EXPECT_TRUE(found.models[0].is_shared);
  EXPECT_EQ(found.freed_bytes, 0u);
  remove({.repo = "o/m", .revision = kFirst});
  EXPECT_EQ(test::read_file(cache.find(kSecond, "m.gguf").value()), "GGUF");
  EXPECT_EQ(remove().freed_bytes, 0u);
  EXPECT_FALSE(fs::exists(repo));
  EXPECT_EQ(test::read_file(root / "blobs/ab/abcd"), "GGUF");
}

TEST_F(CachedModelsTest, NothingIsLeftOfARepoThatHasNothingMore) {
  put(kFirst, "d/e/m.gguf", "e", "123");
  ASSERT_TRUE(cache.remember("refs/pr/1", kFirst));
  put_blob("f.incomplete", "GGUF");
  const CacheRemoval done = remove({.repo = "o/m"});
  EXPECT_EQ(done.models, 2u);
  EXPECT_EQ(done.freed_bytes, 7u);
  EXPECT_FALSE(fs::exists(repo));
  EXPECT_TRUE(fs::exists(root));
}

TEST_F(CachedModelsTest, FilesWithoutLinksAreRemovedToo) {
  test::put_file(repo / "snapshots" / kFirst / "m.gguf", "123");
  EXPECT_EQ(list().freed_bytes, 3u);
  EXPECT_EQ(remove().freed_bytes, 3u);
  EXPECT_FALSE(fs::exists(repo));
}

TEST_F(CachedModelsTest, WhatUnfinishedDownloadsLeft) {
  put(kFirst, "m.gguf", "e", "GGUF");
  put_blob("f.incomplete", "GGUF and more");
  put_blob("g", "GGUF, the first part of a split model");
  put_blob("h.incomplete", "");
  const CacheSelection unfinished = {.unfinished_only = true};
  EXPECT_THAT(files(list(unfinished)), ElementsAre("f.incomplete", "g", "h.incomplete"));
  EXPECT_EQ(list(unfinished).models[0].state, State::kUnfinished);
  EXPECT_EQ(remove({.repo = "o/m", .file = "f.incomplete"}).freed_bytes, 13u);
  EXPECT_EQ(remove(unfinished).models, 2u);
  EXPECT_THAT(files(list()), ElementsAre("m.gguf"));
  EXPECT_TRUE(cache.find(kFirst, "m.gguf"));
}

// A hard link outside keeps the bytes.
TEST_F(CachedModelsTest, OnlyBytesThatNoOtherNameKeepsAreFreed) {
  put(kFirst, "m.gguf", "e", "123");
  fs::create_hard_link(cache.blob("e"), folder / "copy.gguf");
  EXPECT_EQ(list().freed_bytes, 0u);
  EXPECT_EQ(remove().freed_bytes, 0u);
  EXPECT_EQ(test::read_file(folder / "copy.gguf"), "123");
}

// --- others at work

TEST_F(CachedModelsTest, WhatHuggingfaceHubDownloadsIsLeftAlone) {
  put(kFirst, "m.gguf", "e", "123");
  put_blob("f.incomplete", "GGUF");
  test::put_file(cache.lock("f"), "");
  const int other = open(cache.lock("f").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(flock(other, LOCK_EX), 0);
  const CacheRemoval done = remove();
  EXPECT_EQ(done.models, 1u);
  EXPECT_THAT(done.errors, ElementsAre("o/m: another process downloads f, so it was not removed"));
  EXPECT_TRUE(fs::exists(cache.partial("f")));
  EXPECT_TRUE(fs::exists(cache.blobs()));
  close(other);
  EXPECT_EQ(remove().models, 1u);
  EXPECT_FALSE(fs::exists(repo));
}

// The partial file is made a moment after the lock; the folder for it has to stay.
TEST_F(CachedModelsTest, FoldersThatHuggingfaceHubIsAboutToUseStay) {
  put(kFirst, "m.gguf", "e", "123");
  test::put_file(cache.lock("f"), "");
  const int other = open(cache.lock("f").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(flock(other, LOCK_EX), 0);
  EXPECT_EQ(remove().models, 1u);
  EXPECT_TRUE(fs::exists(cache.blobs()));
  close(other);
}

TEST_F(CachedModelsTest, ARepoThatIsDownloadedIntoIsLeftAlone) {
  put(kFirst, "m.gguf", "e", "123");
  {
    const auto lock = cache.prepare([] { return true; });
    ASSERT_TRUE(lock);
    const auto second = cache.prepare([] { return false; });  // not kept out by the first
    EXPECT_TRUE(second);
    EXPECT_THAT(remove().errors, ElementsAre("o/m: another process downloads from this repo, so "
                                             "nothing of it was removed"));
    EXPECT_TRUE(cache.find(kFirst, "m.gguf"));
  }
  EXPECT_THAT(remove().errors, IsEmpty());
}

TEST_F(CachedModelsTest, WhatWasChangedSinceItWasListedStays) {
  put(kFirst, "m.gguf", "e", "123");
  put(kFirst, "n.gguf", "x", "12");
  put_blob("y", "GGUF");
  const CachedModels found = list();
  ASSERT_TRUE(cache.link("y", kSecond, "y.gguf"));
  put(kFirst, "m.gguf", "f", "4567");
  fs::remove(repo / "snapshots" / kFirst / "n.gguf");
  fs::remove(cache.blob("x"));
  const CacheRemoval done = remove_cached_models(root, found.models);
  EXPECT_THAT(done.errors, ElementsAre(HasSubstr("m.gguf was changed meanwhile"),
                                       HasSubstr("y was finished meanwhile")));
  EXPECT_TRUE(cache.find(kSecond, "y.gguf"));
  EXPECT_EQ(test::read_file(cache.find(kFirst, "m.gguf").value()), "4567");
}

// --- what nobody who means well puts there

TEST_F(CachedModelsTest, NothingOutsideIsRemoved) {
  const fs::path outside = folder / "outside";
  test::put_file(outside / "blobs/e", "GGUF");
  test::put_file(outside / "snapshots" / kFirst / "m.gguf", "GGUF");
  test::put_file(outside / "refs/main", kFirst);
  // A link of a snapshot to a file outside: the link goes.
  fs::create_directories(repo / "snapshots" / kFirst);
  fs::create_symlink(outside / "blobs/e", repo / "snapshots" / kFirst / "out.gguf");
  fs::create_symlink("../../../../outside/blobs/e", repo / "snapshots" / kFirst / "up.gguf");
  fs::create_directory_symlink(outside, repo / "snapshots" / kFirst / "folder.gguf");
  fs::create_directory_symlink(outside / "snapshots" / kFirst, repo / "snapshots" / kSecond);
  test::put_file(repo / "refs/main", "../../outside");
  fs::create_symlink(outside / "refs/main", repo / "refs/v1");
  // Folders that are links are not entered.
  for (const char* part : {"blobs", "snapshots", "refs"}) {
    const fs::path other = root / ("models--x--" + std::string(part));
    fs::create_directories(other);
    fs::create_directory_symlink(outside / part, other / part);
  }
  fs::create_directory_symlink(outside, root / "models--x--whole");
  const CachedModels found = list();
  EXPECT_EQ(found.size_bytes, 0u);
  EXPECT_THAT(found.notes, AllOf(testing::SizeIs(4), Each(HasSubstr("is a link"))));
  EXPECT_THAT(files(found), ElementsAre("folder.gguf", "out.gguf", "up.gguf"));
  remove_cached_models(root, found.models);
  EXPECT_FALSE(fs::is_symlink(repo / "snapshots" / kFirst / "out.gguf"));
  EXPECT_EQ(test::read_file(outside / "blobs/e"), "GGUF");
  EXPECT_EQ(test::read_file(outside / "snapshots" / kFirst / "m.gguf"), "GGUF");
  EXPECT_EQ(test::read_file(outside / "refs/main"), kFirst);
}

// Folders may be exchanged between the list and the removal.
TEST_F(CachedModelsTest, ALinkThatCameLaterIsNotFollowed) {
  put(kFirst, "d/m.gguf", "e", "123");
  const CachedModels found = list();
  const fs::path outside = folder / "outside";
  test::put_file(outside / "m.gguf", "precious");
  test::put_file(outside / "e", "precious");
  for (const fs::path& place : {repo / "blobs", repo / "snapshots" / kFirst / "d"}) {
    fs::rename(place, folder / "aside");
    fs::create_directory_symlink(outside, place);
    remove_cached_models(root, found.models);
    EXPECT_TRUE(fs::exists(outside / "e"));
    EXPECT_TRUE(fs::exists(outside / "m.gguf"));
    fs::remove(place);
    fs::rename(folder / "aside", place);
  }
  put(kFirst, "d/m.gguf", "e", "123");
  fs::remove_all(root / ".locks");
  fs::create_directory_symlink(outside, root / ".locks");
  EXPECT_THAT(remove().errors, ElementsAre(HasSubstr(".locks: is a link, which is not followed")));
  EXPECT_TRUE(cache.find(kFirst, "d/m.gguf"));
  EXPECT_FALSE(fs::exists(outside / "models--o--m"));
}

TEST_F(CachedModelsTest, AFolderIsNotLeftByALink) {
  const fs::path outside = folder / "outside";
  test::put_file(outside / "m.gguf", "precious");
  test::put_file(root / "a/b/file", "123");
  fs::create_directory_symlink(outside, root / "a/link");
  const auto opened = Folder::open(root);
  ASSERT_TRUE(opened);
  EXPECT_FALSE(opened->remove_below("a/link/m.gguf"));
  EXPECT_FALSE(opened->remove("a"));
  EXPECT_FALSE(opened->remove_if_empty("a"));
  EXPECT_TRUE(fs::exists(outside / "m.gguf"));
  const auto freed = opened->remove_below("a/b/file");
  ASSERT_TRUE(freed);
  EXPECT_EQ(*freed, 3u);
  EXPECT_FALSE(fs::exists(root / "a/b"));
  EXPECT_TRUE(fs::exists(root / "a/link"));
}

TEST_F(CachedModelsTest, FilesInThePlaceOfFolders) {
  test::put_file(root / "models--o--file", "");
  test::put_file(root / "models--o--blobs/blobs", "");
  test::put_file(root / "models--o--snapshots/snapshots", "");
  test::put_file(root / "models--o--refs/refs", "");
  const CachedModels found = list();
  EXPECT_THAT(found.models, IsEmpty());
  EXPECT_THAT(found.notes, AllOf(testing::SizeIs(4), Each(HasSubstr("is not a folder"))));
  fs::create_directories(folder / "empty");
  test::put_file(folder / "file", "");
  EXPECT_FALSE(list_cached_models(folder / "file"));
}

TEST_F(CachedModelsTest, FoldersAndPipesInThePlaceOfFiles) {
  fs::create_directories(repo / "blobs/e");
  fs::create_directories(repo / "snapshots" / kFirst / "m.gguf");
  fs::create_directories(repo / "refs/main");
  ASSERT_EQ(mkfifo((repo / "blobs/f.incomplete").c_str(), 0600), 0);
  ASSERT_EQ(mkfifo((repo / "refs/v1").c_str(), 0600), 0);
  ASSERT_EQ(mkfifo((repo / "snapshots" / kFirst / "n.gguf").c_str(), 0600), 0);
  test::put_file(repo / "snapshots/m.gguf", "in no commit");
  EXPECT_THAT(list().models, IsEmpty());
  EXPECT_THAT(list().notes, IsEmpty());
}

TEST_F(CachedModelsTest, HugeNamesAndDeepFolders) {
  const std::string longest = std::string(250, 'x') + ".gguf";
  put(kFirst, longest, "e", "123");
  test::put_file(root / ("models--" + std::string(247, 'y')) / "blobs/e", "GGUF");
  test::put_file(root / "models--a--b--c/blobs/e", "GGUF");
  test::put_file(root / "models--" / "blobs/e", "GGUF");
  EXPECT_THAT(files(list()), ElementsAre(longest));
  EXPECT_EQ(remove().models, 1u);

  fs::path deep = repo / "snapshots" / kFirst;
  for (int i = 0; i < 100; ++i) deep /= "d";
  test::put_file(deep / "m.gguf", "GGUF");
  put(kSecond, "m.gguf", "e", "123");
  const CachedModels found = list();
  EXPECT_THAT(found.notes, ElementsAre(HasSubstr("folders in each other")));
  EXPECT_THAT(files(found), ElementsAre("m.gguf"));
  EXPECT_THAT(remove_cached_models(root, found.models).errors,
              ElementsAre(HasSubstr("it is not known what is still needed")));
  EXPECT_TRUE(cache.find(kSecond, "m.gguf"));
}

// Nobody can say what an unreadable folder links to.
TEST_F(CachedModelsTest, WhereSomethingCannotBeReadNothingIsRemoved) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
  put(kFirst, "m.gguf", "e", "123");
  put(kSecond, "n.gguf", "f", "GGUF");
  const fs::path closed = repo / "snapshots" / kSecond;
  fs::permissions(closed, fs::perms::none);
  const CachedModels found = list();
  EXPECT_THAT(found.notes, ElementsAre(HasSubstr("cannot be read: Permission denied")));
  EXPECT_THAT(files(found), ElementsAre("m.gguf"));  // and "f" is not taken for unfinished
  EXPECT_THAT(remove_cached_models(root, found.models).errors,
              ElementsAre(HasSubstr("nothing was removed")));
  fs::permissions(closed, fs::perms::owner_all);
  EXPECT_TRUE(cache.find(kFirst, "m.gguf"));
}

// The same for what root meets, too: no more descriptors.
TEST_F(CachedModelsTest, WhereNoMoreFoldersCanBeOpenedNothingIsRemoved) {
  fs::path deep = "d";
  for (int i = 0; i < 40; ++i) deep /= "d";
  put(kFirst, deep / "m.gguf", "e", "123");
  put(kSecond, "m.gguf", "e", "123");
  const CachedModels found = list();
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit few = before;
  few.rlim_cur = 30;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  const auto seen = list_cached_models(root);
  const CacheRemoval done = remove_cached_models(root, found.models);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_TRUE(seen);
  EXPECT_THAT(seen->notes, ElementsAre(HasSubstr("Too many open files")));
  EXPECT_THAT(done.errors, ElementsAre(HasSubstr("nothing was removed")));
  EXPECT_TRUE(cache.find(kFirst, deep / "m.gguf"));
}

// --- together with downloads

// The first part is whole and nothing links to it, and nobody holds its own lock any more, while
// the second one comes.
TEST_F(DownloadTest, ARunningDownloadKeepsItsRepo) {
  file.name = "b-00001-of-00002.gguf";
  hub.files["a.gguf"] = "GGUF a";
  hub.files["b-00001-of-00002.gguf"] = "GGUF b";
  hub.files["b-00002-of-00002.gguf"] = "GGUF" + test::noise(kBytes);
  ASSERT_TRUE(hub::fetch({"o/m", "a.gguf"}, settings));
  std::vector<std::string> errors;
  const Events events{.progress =
                          [&](const Progress& progress) {
                            const bool is_second = progress.file == "b-00002-of-00002.gguf";
                            if (!is_second || !errors.empty()) return true;
                            const auto found = list_cached_models(settings.cache);
                            errors = remove_cached_models(settings.cache, found->models).errors;
                            return true;
                          },
                      .preview = {},
                      .note = {}};
  ASSERT_TRUE(fetch(events));
  EXPECT_THAT(errors, ElementsAre(HasSubstr("another process downloads from this repo")));
  EXPECT_EQ(test::read_file(snapshot()), "GGUF b");
  const auto found = list_cached_models(settings.cache);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->models.size(), 2u);
  EXPECT_EQ(found->models.at(1).state, State::kWhole);
  EXPECT_THAT(remove_cached_models(settings.cache, found->models).errors, IsEmpty());
  EXPECT_FALSE(fs::exists(settings.cache / "models--o--m"));
}

}  // namespace
}  // namespace linnet::hub
