#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <signal.h>
#include <sys/file.h>

#include <thread>

#include "gguf/gguf_writer.hpp"
#include "support/background_program.hpp"
#include "support/fake_hub.hpp"
#include "support/paths.hpp"
#include "support/put_file.hpp"

namespace linnet {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class PullTest : public ::testing::Test {
 protected:
  PullTest() {
    hub.files["kjv.gguf"] = test::read_file(test::kBundledModel);
    environment = {
        {"HF_HOME", folder.path()}, {"HF_ENDPOINT", hub.url()}, {"no_proxy", "127.0.0.1"}};
  }

  test::BackgroundProgram start(const std::vector<std::string>& arguments) {
    hub.synchronize();
    return {arguments, environment};
  }

  void wait_until_sent(std::size_t bytes) {
    for (int i = 0; i < 1000 && hub.storage().sent_bytes() < bytes; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    // Sent is not yet received.
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }

  const std::string& model() { return hub.files["kjv.gguf"]; }

  std::string path_in_cache() const {
    return folder / "hub/models--o--m/snapshots" / test::FakeHub::kCommit / "kjv.gguf";
  }

  const std::vector<std::string> kPull = {"pull", "--repo", "o/m", "--gguf", "kjv.gguf"};
  test::TemporaryFolder folder;
  test::FakeHub hub;
  std::map<std::string, std::string> environment;
};

TEST_F(PullTest, PrintsThePathAndSaysWhatTheModelIs) {
  test::BackgroundProgram program = start(kPull);
  ASSERT_EQ(program.wait(), 0) << program.error();
  EXPECT_EQ(program.out(), path_in_cache() + "\n");
  EXPECT_EQ(test::read_file(path_in_cache()), model());
  EXPECT_THAT(program.error(), AllOf(HasSubstr("(llama)"), HasSubstr("parameters"),
                                     HasSubstr("of weights"), Not(HasSubstr("\r"))));
}

TEST_F(PullTest, TheOnlyModelNeedsNoName) {
  test::BackgroundProgram one = start({"pull", "--repo", "o/m"});
  EXPECT_EQ(one.wait(), 0) << one.error();
  hub.files["other.gguf"] = "x";
  test::BackgroundProgram two = start({"pull", "--repo", "o/m"});
  EXPECT_EQ(two.wait(), 1);
  EXPECT_THAT(two.error(), HasSubstr("2 GGUF files, name one with --gguf, or its type as in --repo "
                                     "o/m:Q8_0: kjv.gguf, other.gguf"));
}

TEST_F(PullTest, TheRepoMayNameTheTypeOfItsFile) {
  hub.files["kjv-Q8_0.gguf"] = model();
  hub.files["mmproj-Q8_0.gguf"] = "x";
  test::BackgroundProgram named = start({"pull", "--repo", "o/m:q8_0"});
  EXPECT_EQ(named.wait(), 0) << named.error();
  EXPECT_THAT(named.out(), HasSubstr("/kjv-Q8_0.gguf\n"));
  test::BackgroundProgram other = start({"generate", "--repo", "o/m:Q2_K", "-m", "1"});
  EXPECT_EQ(other.wait(), 1);
  EXPECT_THAT(other.error(), HasSubstr("none have Q2_K in their names"));
  test::BackgroundProgram both = start({"pull", "--repo", "o/m:Q8_0", "--gguf", "kjv.gguf"});
  EXPECT_EQ(both.wait(), 1);
  EXPECT_THAT(both.error(), HasSubstr("--repo names the type Q8_0 and --gguf the file kjv.gguf"));
}

TEST_F(PullTest, OfSeveralModelsTheUsualTypeIsTakenAndSaid) {
  hub.files["kjv-Q4_K_M.gguf"] = model();
  hub.files["mtp-kjv-Q8_0.gguf"] = "x";
  hub.files["imatrix.gguf"] = "x";
  test::BackgroundProgram program = start({"generate", "--repo", "o/m", "-m", "1"});
  EXPECT_EQ(program.wait(), 0) << program.error();
  EXPECT_THAT(program.error(),
              HasSubstr("hub:     of 2 models kjv-Q4_K_M.gguf was chosen; --repo o/m:TYPE or"));
}

TEST_F(PullTest, OfSeveralModelsNoneIsDownloadedWhereOneIsMisspelt) {
  hub.files["kjv-Q8_0.gguf"] = model();
  for (const std::vector<std::string>& second :
       {std::vector<std::string>{"--repo", "o/m:Q9_0"}, {"--repo", "o/m:Q8_0:"}}) {
    std::vector<std::string> arguments = {"serve", "--port", "0", "--repo", "o/m:Q8_0"};
    arguments.insert(arguments.end(), second.begin(), second.end());
    test::BackgroundProgram program = start(arguments);
    EXPECT_EQ(program.wait(), 1);
    EXPECT_THAT(program.error(), HasSubstr("none have Q"));
  }
  test::BackgroundProgram named = start(
      {"serve", "--port", "0", "--repo", "o/m", "--gguf", "kjv.gguf", "--gguf", "missing.gguf"});
  EXPECT_EQ(named.wait(), 1);
  EXPECT_THAT(named.error(), HasSubstr("the repo has no file missing.gguf; its GGUF files are"));
  EXPECT_EQ(hub.storage().sent_bytes(), 0u);
}

// As without network: of a repo that was pulled, the model needs no name either.
TEST_F(PullTest, TheOnlyModelThatIsThereNeedsNoName) {
  test::BackgroundProgram first = start({"pull", "--repo", "o/m"});
  ASSERT_EQ(first.wait(), 0) << first.error();
  environment["HF_HUB_OFFLINE"] = "1";
  test::BackgroundProgram again = start({"pull", "--repo", "o/m"});
  EXPECT_EQ(again.wait(), 0) << again.error();
  EXPECT_EQ(again.out(), path_in_cache() + "\n");
}

// A model of the cache has no other name for these than for those that run it.
TEST_F(PullTest, WhatIsInTheCacheIsOpenedByTheSameName) {
  test::BackgroundProgram pull = start(kPull);
  ASSERT_EQ(pull.wait(), 0) << pull.error();
  environment["HF_HUB_OFFLINE"] = "1";
  const auto out_of = [&](const std::vector<std::string>& arguments) {
    test::BackgroundProgram program = start(arguments);
    EXPECT_EQ(program.wait(), 0) << program.error();
    return program.out();
  };
  const std::string path = test::kBundledModel.string();
  EXPECT_EQ(out_of({"tokenize", "--repo", "o/m", "In the beginning"}),
            out_of({"tokenize", "--gguf", path, "In the beginning"}));
  EXPECT_THAT(out_of({"inspect", "--repo", "o/m", "--gguf", "kjv.gguf"}),
              HasSubstr("general.architecture"));
  EXPECT_EQ(out_of({"quantize", "--repo", "o/m", "--type", "Q4_0", "--dry-run"}),
            out_of({"quantize", "--gguf", path, "--type", "Q4_0", "--dry-run"}));
}

TEST_F(PullTest, SaysThatItWaitsForAnother) {
  const fs::path lock = folder / "hub/.locks/models--o--m" / (test::sha256_of(model()) + ".lock");
  test::put_file(lock, "");
  const int descriptor = open(lock.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(flock(descriptor, LOCK_EX), 0);
  test::BackgroundProgram program = start(kPull);
  const std::string told = "hub:     waiting for another process that downloads kjv.gguf\n";
  for (int i = 0; i < 1000 && program.error() != told; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(program.error(), told);
  close(descriptor);
  EXPECT_EQ(program.wait(), 0) << program.error();
}

TEST_F(PullTest, AFileOnThisMachineIsTakenBeforeTheRepoWithANote) {
  test::BackgroundProgram program =
      start({"generate", "--repo", "o/m", "--gguf", test::kBundledModel, "-m", "1"});
  EXPECT_EQ(program.wait(), 0) << program.error();
  EXPECT_THAT(program.error(), HasSubstr("is a file on this machine, so --repo is not asked\n"));
}

TEST_F(PullTest, GenerateDownloadsAndRuns) {
  test::BackgroundProgram local = start({"generate", "--gguf", test::kBundledModel, "-m", "4"});
  ASSERT_EQ(local.wait(), 0) << local.error();
  const std::vector<std::string> from_hub = {"generate", "--repo", "o/m", "--gguf",
                                             "kjv.gguf", "-m",     "4"};
  test::BackgroundProgram first = start(from_hub);
  ASSERT_EQ(first.wait(), 0) << first.error();
  EXPECT_EQ(first.out(), local.out());
  environment["HF_HUB_OFFLINE"] = "1";
  test::BackgroundProgram again = start(from_hub);
  ASSERT_EQ(again.wait(), 0) << again.error();
  EXPECT_EQ(again.out(), local.out());
}

TEST_F(PullTest, TheDraftModelMayComeFromARepo) {
  const std::vector<std::string> plain = {"generate", "--gguf", test::kBundledModel, "-m", "8"};
  test::BackgroundProgram alone = start(plain);
  ASSERT_EQ(alone.wait(), 0) << alone.error();
  const auto drafted = [&](std::vector<std::string> options) {
    options.insert(options.begin(), plain.begin(), plain.end());
    return start(options);
  };
  test::BackgroundProgram only = drafted({"--draft-repo", "o/m"});
  ASSERT_EQ(only.wait(), 0) << only.error();
  EXPECT_EQ(only.out(), alone.out());
  EXPECT_THAT(only.error(), AllOf(HasSubstr("guess"), HasSubstr("of weights")));
  environment["HF_HUB_OFFLINE"] = "1";
  test::BackgroundProgram named = drafted({"--draft-repo", "o/m", "--draft-model", "kjv.gguf"});
  ASSERT_EQ(named.wait(), 0) << named.error();
  EXPECT_EQ(named.out(), alone.out());
  EXPECT_THAT(named.error(), HasSubstr("guess"));
}

TEST_F(PullTest, ADraftModelThatIsMisspeltIsAnErrorBeforeTheModelIsDownloaded) {
  hub.files["kjv-Q4_0.gguf"] = model();
  hub.files["other.gguf"] = model();
  const auto error_with = [&](std::vector<std::string> options) {
    const std::vector<std::string> run = {"generate", "--repo", "o/m:Q4_0", "-m", "1"};
    options.insert(options.begin(), run.begin(), run.end());
    test::BackgroundProgram program = start(options);
    EXPECT_EQ(program.wait(), 1);
    return program.error();
  };
  EXPECT_THAT(error_with({"--draft-repo", "o/m"}),
              HasSubstr("3 GGUF files, name one with --draft-model, or its type as in "
                        "--draft-repo o/m:Q8_0: "));
  EXPECT_THAT(error_with({"--draft-repo", "o/m:Q2_K"}), HasSubstr("none have Q2_K"));
  EXPECT_THAT(error_with({"--draft-repo", "o/m", "--draft-model", "x.gguf"}),
              HasSubstr("the repo has no file x.gguf"));
  EXPECT_THAT(error_with({"--draft-repo", "o/m:Q8_0", "--draft-model", "kjv.gguf"}),
              HasSubstr("--draft-repo names the type Q8_0 and --draft-model the file kjv.gguf"));
  EXPECT_EQ(hub.storage().sent_bytes(), 0u);
}

TEST_F(PullTest, AKilledDownloadIsTakenUpAgain) {
  const std::size_t cut = (2 << 20) + 500'000;  // the first 2 MiB are asked for on their own
  hub.add_fault({});
  hub.add_fault({.hang_after = 500'000});
  test::BackgroundProgram killed = start(kPull);
  wait_until_sent(cut);
  kill(killed.id(), SIGKILL);
  EXPECT_EQ(killed.wait(), -SIGKILL);
  EXPECT_FALSE(fs::exists(path_in_cache()));
  hub.storage().release();
  test::BackgroundProgram again = start(kPull);
  ASSERT_EQ(again.wait(), 0) << again.error();
  EXPECT_EQ(test::read_file(path_in_cache()), model());
  EXPECT_EQ(hub.storage().requests().back().header("range"),
            fmt::format("bytes={}-{}", cut, model().size() - 1));
}

TEST_F(PullTest, ControlCEndsItCleanly) {
  hub.add_fault({.hang_after = 100'000});
  test::BackgroundProgram program = start(kPull);
  wait_until_sent(100'000);
  kill(program.id(), SIGINT);
  EXPECT_EQ(program.wait(), 1);
  EXPECT_THAT(program.error(), HasSubstr("linnet: the download was interrupted\n"));
}

TEST_F(PullTest, RefusalsAreOneSentence) {
  test::BackgroundProgram missing = start({"pull", "--repo", "o/m", "--gguf", "x.gguf"});
  EXPECT_EQ(missing.wait(), 1);
  EXPECT_EQ(missing.error(),
            "linnet: o/m: the repo has no file x.gguf in revision main; its GGUF files are "
            "kjv.gguf\n");
  environment["HF_ENDPOINT"] = "http://127.0.0.1:1";
  test::BackgroundProgram alone = start(kPull);
  EXPECT_EQ(alone.wait(), 1);
  EXPECT_THAT(alone.error(), HasSubstr("linnet: kjv.gguf of o/m cannot be downloaded: "));
}

TEST_F(PullTest, AnUnknownArchitectureIsRefusedBeforeTheTransfer) {
  gguf::Writer writer;
  writer.add_string("general.architecture", "martian");
  const std::int64_t shape[] = {1 << 20};
  const Format& format = *find_format("F32");
  writer.add_tensor("a", format, shape);
  ASSERT_TRUE(writer.write(folder / "m", [&](std::size_t, const gguf::Writer::Sink& sink) {
    return sink(std::vector<std::byte>(4 << 20));
  }));
  hub.files["martian.gguf"] = test::read_file(folder / "m");
  test::BackgroundProgram generate = start({"generate", "--repo", "o/m", "--gguf", "martian.gguf"});
  EXPECT_EQ(generate.wait(), 1);
  EXPECT_THAT(generate.error(), HasSubstr("not downloaded, because its architecture 'martian'"));
  EXPECT_LT(hub.storage().sent_bytes(), hub.files["martian.gguf"].size());
  test::BackgroundProgram pull = start({"pull", "--repo", "o/m", "--gguf", "martian.gguf"});
  EXPECT_EQ(pull.wait(), 0);
  EXPECT_THAT(pull.error(), HasSubstr("warning: "));
}

TEST_F(PullTest, ATerminalShowsProgress) {
  std::vector<std::string> settings;
  for (const auto& [name, value] : environment) settings.push_back(name + "=" + value);
  std::vector<char*> envp;
  for (std::string& setting : settings) envp.push_back(setting.data());
  envp.push_back(nullptr);
  winsize size{24, 70, 0, 0};
  int terminal = -1;
  hub.synchronize();
  const std::string program = test::program();
  const pid_t id = forkpty(&terminal, nullptr, nullptr, &size);
  if (id == 0) {
    execle(program.c_str(), "linnet", "pull", "--repo", "o/m", "--gguf", "kjv.gguf", nullptr,
           envp.data());
    _exit(127);
  }
  std::string shown;
  char buffer[4096];
  for (ssize_t count; (count = read(terminal, buffer, sizeof buffer)) > 0;) {
    shown.append(buffer, static_cast<std::size_t>(count));
  }
  int status = 0;
  waitpid(id, &status, 0);
  close(terminal);
  EXPECT_EQ(status, 0);
  EXPECT_THAT(shown, AllOf(HasSubstr("\rkjv.gguf  ["), HasSubstr("[####################] 100%")));
}

}  // namespace
}  // namespace linnet
