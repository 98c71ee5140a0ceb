#include "hub/download.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "hub/cache.hpp"
#include "hub/download_fixture.hpp"
#include "hub/silent_names.hpp"
#include "support/put_file.hpp"

namespace linnet::hub {
namespace {

namespace fs = std::filesystem;
using test::FakeHub;
using test::noise;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(DownloadTest, DownloadsIntoTheSharedLayout) {
  expect_whole(fetch());
  const fs::path repo = settings.cache / "models--o--m";
  EXPECT_EQ(test::read_file(repo / "refs/main"), FakeHub::kCommit);
  EXPECT_EQ(fs::read_symlink(repo / "snapshots" / FakeHub::kCommit / "f.bin"),
            fs::path("../../blobs") / test::sha256_of(hub.files["f.bin"]));
}

TEST_F(DownloadTest, AnEmptyFile) {
  hub.files["f.bin"] = "";
  expect_whole(fetch());
}

TEST_F(DownloadTest, WhatIsThereIsNotTransferredAgain) {
  expect_whole(fetch());
  const auto before = hub.storage().requests().size();
  expect_whole(fetch());
  EXPECT_EQ(hub.storage().requests().size(), before);
  // A commit never changes: not even a question.
  const auto questions = hub.hub().requests().size();
  file.revision = FakeHub::kCommit;
  expect_whole(fetch());
  EXPECT_EQ(hub.hub().requests().size(), questions);
}

TEST_F(DownloadTest, TheSameBytesUnderAnotherNameAreOnlyLinked) {
  expect_whole(fetch());
  hub.files["copy.bin"] = hub.files["f.bin"];
  const auto before = hub.storage().requests().size();
  file.name = "copy.bin";
  expect_whole(fetch());
  EXPECT_EQ(hub.storage().requests().size(), before);
}

// The longest name that a file system has; a temporary name must not be longer.
TEST_F(DownloadTest, ALongName) {
  file.name = std::string(255, 'x');
  hub.files[file.name] = "bytes";
  expect_whole(fetch());
}

// For others of the same group, where the user's mask lets them.
TEST_F(DownloadTest, PermissionsAreThoseOfTheMask) {
  const mode_t before = umask(0002);
  expect_whole(fetch());
  umask(before);
  const fs::path lock =
      settings.cache / ".locks/models--o--m" / (test::sha256_of(hub.files["f.bin"]) + ".lock");
  EXPECT_EQ(fs::status(lock).permissions(), fs::perms{0664});
  EXPECT_EQ(fs::status(blob_folder() / blobs().at(0)).permissions(), fs::perms{0664});
}

TEST_F(DownloadTest, ARevisionWithSlashes) {
  file.revision = "refs/pr/1";
  expect_whole(fetch());
  EXPECT_EQ(test::read_file(settings.cache / "models--o--m/refs/refs/pr/1"), FakeHub::kCommit);
}

TEST_F(DownloadTest, ARenamedRepoIsFollowed) {
  file.repo = "moved/m";
  const auto path = fetch();
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(test::read_file(*path), hub.files["f.bin"]);
}

// The token ----------------------------------------------------------------------------------

TEST_F(DownloadTest, TheTokenGoesToTheHubAndNowhereElse) {
  hub.needed_token = "hf_secret";
  settings.token = "hf_secret";
  expect_whole(fetch());
  ASSERT_FALSE(hub.hub().requests().empty());
  ASSERT_FALSE(hub.storage().requests().empty());
  for (const auto& request : hub.hub().requests()) {
    EXPECT_EQ(request.header("authorization"), "Bearer hf_secret");
  }
  for (const auto& request : hub.storage().requests()) {
    EXPECT_EQ(request.headers.count("authorization"), 0u);
  }
}

TEST_F(DownloadTest, WithoutTokenNoneIsSent) {
  expect_whole(fetch());
  for (const auto* const server : {&hub.hub(), &hub.storage()}) {
    ASSERT_FALSE(server->requests().empty());
    for (const auto& request : server->requests()) {
      EXPECT_EQ(request.headers.count("authorization"), 0u);
    }
  }
}

// Interruption -------------------------------------------------------------------------------

TEST_F(DownloadTest, CutConnectionsAreTakenUpWhereTheyEnded) {
  hub.add_fault({.cut_after = 300'000});
  hub.add_fault({.cut_after = 200'000});
  expect_whole(fetch());
  EXPECT_THAT(ranges(), ElementsAre("", "bytes=300000-999999", "bytes=500000-999999"));
}

TEST_F(DownloadTest, EveryByteOfProgressEarnsNewAttempts) {
  for (int i = 0; i < 9; ++i) hub.add_fault({.cut_after = 100'000});
  expect_whole(fetch());
}

TEST_F(DownloadTest, ABusyHubIsAskedAgain) {
  hub.busy_answers = 2;
  expect_whole(fetch());
  hub.busy_answers = 3;
  file.name = "g.bin";
  EXPECT_THAT(error(), AllOf(HasSubstr("cannot be downloaded"), HasSubstr("503")));
}

TEST_F(DownloadTest, ABusyServerIsAskedAgain) {
  hub.add_fault({.status = 503});
  hub.add_fault({.status = 429});
  expect_whole(fetch());
}

TEST_F(DownloadTest, GivesUpWhenNothingComesAndKeepsWhatIsThere) {
  hub.add_fault({.cut_after = 400'000});
  for (int i = 0; i < 3; ++i) hub.add_fault({.cut_after = 0});
  EXPECT_THAT(error(), AllOf(HasSubstr("400000 of 1000000"), HasSubstr("3 attempts")));
  EXPECT_EQ(fs::file_size(blob_folder() / (partial_name())), 400'000u);
  EXPECT_FALSE(fs::exists(settings.cache / "models--o--m/snapshots"));
  expect_whole(fetch());
  EXPECT_EQ(ranges().back(), "bytes=400000-999999");
}

TEST_F(DownloadTest, ASilentServerIsAStall) {
  settings.stall_timeout = std::chrono::seconds(1);
  hub.add_fault({.hang_after = 250'000});
  expect_whole(fetch());
  EXPECT_EQ(ranges().back(), "bytes=250000-999999");
}

TEST_F(DownloadTest, InterruptionKeepsWhatIsThere) {
  hub.add_fault({.hang_after = 500'000});
  const Events events{.progress = [](const Progress& p) { return p.done_bytes < 500'000; },
                      .preview = {},
                      .note = {}};
  EXPECT_THAT(error(events), HasSubstr("interrupted"));
  hub.storage().release();
  expect_whole(fetch());
  EXPECT_EQ(ranges().back(), "bytes=500000-999999");
}

// When the bytes are there, links are still to be made and the caller is about to use the file.
TEST_F(DownloadTest, InterruptionAtTheEnd) {
  const Events events{.progress = [&](const Progress&) { return !fs::exists(snapshot()); },
                      .preview = {},
                      .note = {}};
  EXPECT_THAT(error(events), HasSubstr("interrupted"));
  expect_whole(fetch());
  EXPECT_THAT(ranges(), ElementsAre(""));
}

// A name server that is silent.
TEST_F(DownloadTest, InterruptionWhileANameIsLookedUp) {
  settings.endpoint = "http://silent.test";
  bool was_asked = false;
  const Events events{.progress =
                          [&](const Progress&) {
                            was_asked |= test::silence_has_begun();
                            return !was_asked;
                          },
                      .preview = {},
                      .note = {}};
  EXPECT_THAT(error(events), HasSubstr("interrupted"));
  EXPECT_TRUE(was_asked);
  EXPECT_FALSE(test::silence_has_ended());
  test::end_silence();
}

TEST_F(DownloadTest, AKilledProcessIsTakenUpToo) {
  hub.add_fault({.hang_after = 600'000});
  hub.synchronize();
  const pid_t child = fork();
  if (child == 0) {
    const auto ignored = fetch();
    _exit(0);
  }
  const fs::path partial = blob_folder() / (partial_name());
  std::error_code ignored;
  for (int i = 0; i < 1000 && !(fs::exists(partial, ignored) && fs::file_size(partial) >= 600'000);
       ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  hub.storage().release();
  expect_whole(fetch());
  EXPECT_THAT(ranges(), ElementsAre("", "bytes=600000-999999"));
}

TEST_F(DownloadTest, AServerThatIgnoresRangesGivesTheFileFromItsBeginning) {
  hub.add_fault({.cut_after = 300'000});
  hub.add_fault({.ignore_range = true});
  expect_whole(fetch());
}

TEST_F(DownloadTest, AWrongRangeIsNotGluedTogether) {
  hub.add_fault({.cut_after = 300'000});
  hub.add_fault({.content_range = "bytes 0-999999/1000000"});
  EXPECT_THAT(error(), HasSubstr("expected bytes from 300000 of 1000000"));
  hub.add_fault({.content_range = "bytes 300000-999999/1000001"});
  EXPECT_THAT(error(), HasSubstr("expected bytes from 300000 of 1000000"));
}

// Verification -------------------------------------------------------------------------------

TEST_F(DownloadTest, AWrongHashIsAnErrorAndLeavesNothing) {
  hub.wrong_sha256["f.bin"] = std::string(64, '7');
  EXPECT_THAT(error(), AllOf(HasSubstr("SHA-256"), HasSubstr(std::string(64, '7'))));
  EXPECT_THAT(blobs(), IsEmpty());
  EXPECT_FALSE(fs::exists(settings.cache / "models--o--m/snapshots"));
}

TEST_F(DownloadTest, WrongBytesOfAnEarlierRunAreFetchedAgain) {
  const std::string name = partial_name();
  test::put_file(blob_folder() / name, noise(300'000, /*seed=*/99));
  expect_whole(fetch());
  EXPECT_THAT(ranges(), ElementsAre("bytes=300000-999999", ""));
}

TEST_F(DownloadTest, ATooLongPartialFileIsThrownAway) {
  const std::string name = partial_name();
  test::put_file(blob_folder() / name, noise(kBytes + 1));
  expect_whole(fetch());
}

TEST_F(DownloadTest, AWholePartialFileNeedsNoTransfer) {
  const std::string name = partial_name();
  test::put_file(blob_folder() / name, hub.files["f.bin"]);
  expect_whole(fetch());
  EXPECT_THAT(ranges(), IsEmpty());
}

// Refusals -----------------------------------------------------------------------------------

TEST_F(DownloadTest, AMissingFileNamesThoseThatAreThere) {
  hub.files = {
      {"a.gguf", ""}, {"b-00001-of-00002.gguf", ""}, {"b-00002-of-00002.gguf", ""}, {"x.txt", ""}};
  EXPECT_EQ(error(),
            "o/m: the repo has no file f.bin in revision main; its GGUF files are a.gguf, "
            "b-00001-of-00002.gguf");
}

TEST_F(DownloadTest, AMissingRepoOrRevision) {
  file.revision = "v9";
  EXPECT_EQ(error(), "o/m: the repo has no revision v9");
  file.repo = "no/where";
  EXPECT_EQ(error(), "no/where: there is no such repo");
}

TEST_F(DownloadTest, APrivateRepo) {
  hub.needed_token = "hf_right";
  EXPECT_THAT(error(), AllOf(HasSubstr("(401)"), HasSubstr("HF_TOKEN")));
  settings.token = "hf_wrong";
  EXPECT_THAT(error(), AllOf(HasSubstr("(401)"), HasSubstr("refuses it to this token")));
}

TEST_F(DownloadTest, AGatedRepo) {
  hub.status = 403;
  hub.error_code = "GatedRepo";
  EXPECT_THAT(error(), AllOf(HasSubstr("(403)"), HasSubstr(hub.url() + "/o/m")));
}

TEST_F(DownloadTest, TheStorageHostRefuses) {
  hub.add_fault({.status = 403});
  EXPECT_THAT(error(), AllOf(HasSubstr(hub.storage().url()), HasSubstr("403")));
}

TEST_F(DownloadTest, TooLittleDisk) {
  test::HttpServer huge([](const test::ServerRequest&) {
    return test::ServerAnswer{.status = 302,
                              .headers = {{"Location", "http://127.0.0.1:1/"},
                                          {"X-Repo-Commit", FakeHub::kCommit},
                                          {"X-Linked-Size", "1152921504606846976"},
                                          {"X-Linked-ETag", std::string(64, 'a')}}};
  });
  settings.endpoint = huge.url();
  EXPECT_THAT(error(), HasSubstr("needs 1099511627777 MiB of disk"));
}

TEST_F(DownloadTest, TheDiskIsThatOfTheBlobs) {
  fs::create_directories(blob_folder().parent_path());
  fs::create_symlink("/proc", blob_folder());  // which has no room at all
  EXPECT_THAT(error(), HasSubstr("needs 1 MiB of disk"));
}

TEST_F(DownloadTest, ADiskThatIsFull) {
  fs::create_directories(blob_folder());
  fs::create_symlink("/dev/full", blob_folder() / partial_name());
  EXPECT_THAT(error(), HasSubstr("no space left on the disk"));
}

TEST_F(DownloadTest, ACacheThatCannotBeMade) {
  test::put_file(folder.path() / "file", "");
  settings.cache = folder.path() / "file" / "hub";
  EXPECT_THAT(error(), HasSubstr("the folder cannot be made"));
}

TEST_F(DownloadTest, ACacheThatHasAllNeedNotBeWritten) {
  expect_whole(fetch());
  const fs::path locks = settings.cache / ".locks";
  fs::remove_all(locks);
  test::put_file(locks, "in the way");
  const fs::path ref = settings.cache / "models--o--m/refs/main";
  fs::create_hard_link(ref, folder / "ref");
  expect_whole(fetch());
  EXPECT_TRUE(fs::equivalent(ref, folder / "ref"));
}

TEST_F(DownloadTest, ARevisionThatCannotBeRememberedIsANote) {
  test::put_file(settings.cache / "models--o--m/refs", "in the way");
  std::string note;
  expect_whole(
      fetch({.progress = {}, .preview = {}, .note = [&](const std::string& n) { note = n; }}));
  EXPECT_THAT(note, HasSubstr("without network the file will not be found"));
}

TEST_F(DownloadTest, AnAnswerForAnotherCommit) {
  test::HttpServer other([](const test::ServerRequest&) {
    return test::ServerAnswer{.status = 200,
                              .headers = {{"X-Repo-Commit", FakeHub::kCommit}, {"ETag", "\"tag\""}},
                              .body = "bytes"};
  });
  settings.endpoint = other.url();
  file.revision = std::string(40, 'a');
  EXPECT_THAT(error(), HasSubstr(fmt::format("the answer is for commit {}, expected {}",
                                             FakeHub::kCommit, file.revision)));
}

TEST_F(DownloadTest, AnAnswerOfAnotherSizeThanTheHubNamed) {
  test::HttpServer other([](const test::ServerRequest&) {
    return test::ServerAnswer{.status = 200,
                              .headers = {{"X-Repo-Commit", FakeHub::kCommit},
                                          {"ETag", "\"tag\""},
                                          {"X-Linked-Size", "6"}},
                              .body = "bytes"};
  });
  settings.endpoint = other.url();
  EXPECT_THAT(error(), HasSubstr("sends 5 bytes, expected 6"));
  EXPECT_THAT(blobs(), ElementsAre("tag.incomplete"));
}

TEST_F(DownloadTest, AnAnswerOfManyHeaders) {
  test::HttpServer other([](const test::ServerRequest&) {
    test::ServerAnswer answer{.status = 200};
    for (int i = 0; i < 300; ++i) answer.headers[fmt::format("X-{}", i)] = std::string(1000, 'x');
    return answer;
  });
  settings.endpoint = other.url();
  EXPECT_THAT(error(), HasSubstr(": the answer has too many headers"));
}

// Whoever says it, and for a file that is not in LFS, too.
TEST_F(DownloadTest, ABlobThatIsNamedByASha256HasIt) {
  test::HttpServer liar([](const test::ServerRequest&) {
    return test::ServerAnswer{
        .status = 200,
        .headers = {{"X-Repo-Commit", FakeHub::kCommit}, {"ETag", std::string(64, 'a')}},
        .body = "bytes"};
  });
  settings.endpoint = liar.url();
  EXPECT_THAT(error(), AllOf(HasSubstr("SHA-256"), HasSubstr(std::string(64, 'a'))));
  EXPECT_THAT(blobs(), IsEmpty());
}

TEST_F(DownloadTest, CertificatesOfOnesOwn) {
  settings.endpoint = "https" + hub.url().substr(4);  // never gets so far
  settings.certificates = folder.path() / "absent.pem";
  EXPECT_THAT(error(), HasSubstr(settings.certificates.string()));
}

TEST_F(DownloadTest, AnAnswerThatNamesAPathOutsideTheCache) {
  test::HttpServer hostile([](const test::ServerRequest&) {
    return test::ServerAnswer{
        .status = 200,
        .headers = {{"X-Repo-Commit", FakeHub::kCommit}, {"ETag", "\"../../../evil\""}},
        .body = "evil"};
  });
  settings.endpoint = hostile.url();
  EXPECT_THAT(error(), HasSubstr("not a Hugging Face Hub"));
}

// What is not to be had needs no endless explanation.
TEST_F(DownloadTest, ARefusalThatTakesHours) {
  settings.stall_timeout = std::chrono::seconds(1);
  test::HttpServer slow([](const test::ServerRequest&) {
    return test::ServerAnswer{
        .status = 404, .headers = {}, .body = std::string(60'000, ' '), .trickle = true};
  });
  settings.endpoint = slow.url();
  const auto names = list_models("o/m", "main", settings);
  ASSERT_FALSE(names);
  EXPECT_EQ(names.error().message, "o/m: there is no such repo, or no revision main");
}

TEST_F(DownloadTest, EndlessRedirects) {
  test::HttpServer loop([](const test::ServerRequest& request) {
    return test::ServerAnswer{.status = 302, .headers = {{"Location", request.path}}};
  });
  settings.endpoint = loop.url();
  EXPECT_THAT(error(), HasSubstr("more than 10 redirects"));
}

// Without network ----------------------------------------------------------------------------

TEST_F(DownloadTest, OfflineUsesTheCacheAndAsksNobody) {
  settings.offline = true;
  EXPECT_THAT(error(), HasSubstr("HF_HUB_OFFLINE"));
  settings.offline = false;
  expect_whole(fetch());
  const auto questions = hub.hub().requests().size();
  settings.offline = true;
  expect_whole(fetch());
  EXPECT_EQ(hub.hub().requests().size(), questions);
}

TEST_F(DownloadTest, WithoutNetworkAnEarlierFileIsUsed) {
  expect_whole(fetch());
  settings.endpoint = "http://127.0.0.1:1";  // nobody listens
  std::string note;
  expect_whole(
      fetch({.progress = {}, .preview = {}, .note = [&](const std::string& n) { note = n; }}));
  EXPECT_THAT(note, HasSubstr("could not be asked"));
  file.name = "other.bin";
  EXPECT_THAT(error(), AllOf(HasSubstr("cannot be downloaded"), HasSubstr("127.0.0.1")));
}

// Several at once ----------------------------------------------------------------------------

TEST_F(DownloadTest, TwoAtOnceTransferOnce) {
  hub.add_fault({.hang_after = 500'000});
  Result<fs::path> first = Error{"not run"};
  Result<fs::path> second = Error{"not run"};
  bool has_waited = false;
  std::thread one([&] { first = fetch(); });
  while (hub.storage().sent_bytes() < 400'000) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  std::thread two([&] {
    const Events events{.progress =
                            [&](const Progress& progress) {
                              has_waited |= progress.waiting;
                              if (progress.waiting) hub.storage().release();
                              return true;
                            },
                        .preview = {},
                        .note = {}};
    second = hub::fetch(file, settings, events);
  });
  one.join();
  two.join();
  expect_whole(first);
  expect_whole(second);
  EXPECT_TRUE(has_waited);
  EXPECT_EQ(hub.storage().requests().size(), 1u);
}

}  // namespace
}  // namespace linnet::hub
