#include "hub/download.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "gguf/gguf_writer.hpp"
#include "hub/cache.hpp"
#include "hub/silent_names.hpp"
#include "support/fake_hub.hpp"
#include "support/put_file.hpp"
#include "support/temporary_folder.hpp"

namespace linnet::hub {
namespace {

namespace fs = std::filesystem;
using test::FakeHub;
using test::Fault;
using test::noise;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::size_t kBytes = 1'000'000;

class DownloadTest : public ::testing::Test {
 protected:
  DownloadTest() {
    setenv("no_proxy", "127.0.0.1", 1);
    settings.endpoint = hub.url();
    settings.cache = folder.path() / "hub";
    settings.first_pause = std::chrono::milliseconds(1);
    settings.attempts = 3;
    hub.files["f.bin"] = noise(kBytes);
  }

  Result<fs::path> fetch(const Events& events = {}) { return hub::fetch(file, settings, events); }

  std::string error(const Events& events = {}) {
    const auto path = fetch(events);
    return path ? "no error" : path.error().message;
  }

  fs::path blob_folder() const { return settings.cache / "models--o--m" / "blobs"; }

  std::string partial_name() { return test::sha256_of(hub.files["f.bin"]) + ".incomplete"; }

  fs::path snapshot() const {
    return settings.cache / "models--o--m/snapshots" / FakeHub::kCommit / file.name;
  }

  std::vector<std::string> blobs() const {
    std::vector<std::string> names;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(blob_folder(), ignored)) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

  std::vector<std::string> ranges() {
    std::vector<std::string> result;
    for (const auto& request : hub.storage().requests()) result.push_back(request.header("range"));
    return result;
  }

  // The whole file, rightly put into the cache?
  void expect_whole(const Result<fs::path>& path) {
    ASSERT_TRUE(path) << path.error().message;
    const std::string& bytes = hub.files.at(file.name);
    EXPECT_TRUE(fs::is_symlink(*path));
    EXPECT_TRUE(fs::exists(*path));
    EXPECT_EQ(*path, snapshot());
    EXPECT_EQ(test::read_file(*path), bytes);
    EXPECT_THAT(blobs(), ElementsAre(test::sha256_of(bytes)));
  }

  test::TemporaryFolder folder;
  FakeHub hub;
  Settings settings;
  RepoFile file{"o/m", "f.bin", "main"};
};

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
  for (const auto& request : hub.hub().requests()) {
    EXPECT_EQ(request.headers.count("authorization"), 0u);
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

// Models -------------------------------------------------------------------------------------

std::string gguf_bytes(const fs::path& path, int vocabulary = 10) {
  gguf::Writer writer;
  writer.add_string("general.architecture", "llama");
  writer.add_string("general.name", "Tiny\x1b[2J");
  writer.add_integer("llama.context_length", gguf::ValueType::kUint32, 2048);
  writer.add_strings("tokenizer.ggml.tokens",
                     std::vector<std::string>(static_cast<std::size_t>(vocabulary), "some token"));
  const std::int64_t shape[] = {256, 1024};
  writer.add_tensor("a", *find_format("F32"), shape);
  writer.add_tensor("b", *find_format("Q4_0"), shape);
  const Status status = writer.write(path, [&](std::size_t i, const gguf::Writer::Sink& sink) {
    const Format& format = *find_format(i == 0 ? "F32" : "Q4_0");
    return sink(std::vector<std::byte>(static_cast<std::size_t>(format.size_bytes(256 * 1024))));
  });
  EXPECT_TRUE(status);
  return test::read_file(path);
}

TEST_F(DownloadTest, TheHeaderComesFirstAndSaysWhatTheModelIs) {
  file.name = "m.gguf";
  hub.files["m.gguf"] = gguf_bytes(folder.path() / "m.gguf", /*vocabulary=*/200'000);
  std::vector<ModelPreview> previews;
  std::size_t sent_at_preview = 0;
  const Events events{.progress = {},
                      .preview =
                          [&](const ModelPreview& preview) {
                            previews.push_back(preview);
                            sent_at_preview = hub.storage().sent_bytes();
                            return Status();
                          },
                      .note = {}};
  expect_whole(fetch(events));
  ASSERT_EQ(previews.size(), 1u);
  EXPECT_EQ(previews[0].name, "Tiny?[2J");
  EXPECT_EQ(previews[0].architecture, "llama");
  EXPECT_EQ(previews[0].context_length, 2048);
  EXPECT_EQ(previews[0].parameters, 2 * 256 * 1024);
  EXPECT_EQ(previews[0].tensor_types, "1 F32, 1 Q4_0");
  EXPECT_EQ(previews[0].size_bytes, hub.files["m.gguf"].size());
  EXPECT_LT(sent_at_preview, hub.files["m.gguf"].size());
  // Nothing comes twice: each range begins where the last ended.
  EXPECT_THAT(ranges(),
              ElementsAre("bytes=0-2097151", "bytes=2097152-4194303",
                          fmt::format("bytes=4194304-{}", hub.files["m.gguf"].size() - 1)));
}

TEST_F(DownloadTest, AWrongHeaderOfAnEarlierRunIsFetchedAgain) {
  file.name = "m.gguf";
  hub.files["m.gguf"] = gguf_bytes(folder.path() / "m.gguf", /*vocabulary=*/200'000);
  const std::string name = test::sha256_of(hub.files["m.gguf"]) + ".incomplete";
  test::put_file(blob_folder() / name, noise(3 << 20));
  int previews = 0;
  const Events events{.progress = {},
                      .preview =
                          [&](const ModelPreview&) {
                            ++previews;
                            return Status();
                          },
                      .note = {}};
  expect_whole(fetch(events));
  EXPECT_EQ(previews, 1);
}

TEST_F(DownloadTest, ARefusedPreviewEndsTheDownload) {
  file.name = "m.gguf";
  hub.files["m.gguf"] = gguf_bytes(folder.path() / "m.gguf", /*vocabulary=*/200'000);
  const Events events{.progress = {},
                      .preview = [](const ModelPreview&) { return Status(Error{"too big"}); },
                      .note = {}};
  EXPECT_EQ(error(events), "too big");
  EXPECT_THAT(blobs(), IsEmpty());
  EXPECT_LT(hub.storage().sent_bytes(), hub.files["m.gguf"].size());
}

TEST_F(DownloadTest, WhatIsNoModelIsRefusedAfterItsFirstBytes) {
  file.name = "m.gguf";
  hub.files["m.gguf"] = noise(5 << 20);
  const Events events{
      .progress = {}, .preview = [](const ModelPreview&) { return Status(); }, .note = {}};
  EXPECT_EQ(error(events), "m.gguf: is not a GGUF file (it does not begin with 'GGUF')");
  EXPECT_EQ(ranges().size(), 1u);
}

TEST_F(DownloadTest, ASplitModelComesWhole) {
  const std::string model = gguf_bytes(folder.path() / "m.gguf");
  hub.files["q/m-00001-of-00003.gguf"] = model;
  hub.files["q/m-00002-of-00003.gguf"] = noise(100'000, 2);
  hub.files["q/m-00003-of-00003.gguf"] = noise(200'000, 3);
  file.name = "q/m-00002-of-00003.gguf";
  std::uint64_t total = 0, done = 0, model_bytes = 0;
  const Events events{.progress =
                          [&](const Progress& progress) {
                            total = progress.total_bytes;
                            done = std::max(done, progress.done_bytes);
                            return true;
                          },
                      .preview =
                          [&](const ModelPreview& preview) {
                            model_bytes = preview.size_bytes;
                            return Status();
                          },
                      .note = {}};
  const auto path = fetch(events);
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(path->filename(), "m-00001-of-00003.gguf");
  for (const std::string& name : part_names("m-00001-of-00003.gguf")) {
    EXPECT_EQ(test::read_file(path->parent_path() / name), hub.files.at("q/" + name));
  }
  EXPECT_EQ(total, model.size() + 300'000);
  EXPECT_EQ(model_bytes, total);
  EXPECT_GT(done, model.size());
}

TEST_F(DownloadTest, AMissingPartIsFoundBeforeAnyTransfer) {
  hub.files["m-00001-of-00002.gguf"] = noise(1000);
  file.name = "m-00001-of-00002.gguf";
  EXPECT_THAT(error(), HasSubstr("m-00002-of-00002.gguf"));
  EXPECT_THAT(ranges(), IsEmpty());
}

TEST_F(DownloadTest, ListsModels) {
  hub.files["m.gguf"] = "";
  const auto names = list_models("o/m", "main", settings);
  ASSERT_TRUE(names);
  EXPECT_THAT(*names, ElementsAre("m.gguf"));
}

TEST_F(DownloadTest, ListsNamesAsTheyAre) {
  const std::string name = std::string(245, 'x') + "\xe2\x80\xae.gguf";  // turns the direction
  hub.files[name] = "";
  const auto names = list_models("o/m", "main", settings);
  ASSERT_TRUE(names);
  EXPECT_THAT(*names, ElementsAre(name));
}

TEST_F(DownloadTest, ABusyHubIsAskedAgainForItsModels) {
  hub.files["m.gguf"] = "";
  hub.busy_answers = 2;
  const auto names = list_models("o/m", "main", settings);
  ASSERT_TRUE(names) << names.error().message;
  EXPECT_THAT(*names, ElementsAre("m.gguf"));
}

TEST_F(DownloadTest, WithoutNetworkTheModelsThatAreThereAreListed) {
  hub.files = {{"m-00001-of-00002.gguf", "1"}, {"m-00002-of-00002.gguf", "2"}, {"x.txt", ""}};
  for (const char* name : {"x.txt", "m-00001-of-00002.gguf"}) {
    file.name = name;
    ASSERT_TRUE(fetch());
  }
  const auto expect_list = [&] {
    const auto names = list_models("o/m", "main", settings);
    ASSERT_TRUE(names) << names.error().message;
    EXPECT_THAT(*names, ElementsAre("m-00001-of-00002.gguf"));
    const auto none = list_models("o/m", "v1", settings);
    ASSERT_FALSE(none);
    EXPECT_THAT(none.error().message, HasSubstr("o/m: which files it has is not known"));
  };
  settings.endpoint = "http://127.0.0.1:1";  // nobody listens
  expect_list();
  settings.offline = true;
  expect_list();
}

}  // namespace
}  // namespace linnet::hub
