#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "support/put_file.hpp"
#include "support/run_program.hpp"
#include "support/terminal.hpp"

namespace linnet {
namespace {

namespace fs = std::filesystem;
using test::Ended;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;
using Arguments = std::vector<std::string>;

const std::string kCommit(40, 'a');

class CacheProgramTest : public ::testing::Test {
 protected:
  CacheProgramTest() {
    put("m-Q4_0.gguf", "e", std::string(3 << 20, 'x'));
    put("big-00001-of-00002.gguf", "f", "12");
    put("big-00002-of-00002.gguf", "g", "345");
    test::put_file(repo() / "refs/main", kCommit);
    test::put_file(repo() / "blobs/h.incomplete", "GGUF");
  }

  fs::path repo() const { return folder / "hub/models--o--m"; }

  void put(const std::string& name, const std::string& etag, const std::string& bytes) const {
    test::put_file(repo() / "blobs" / etag, bytes);
    fs::create_directories(repo() / "snapshots" / kCommit);
    fs::create_symlink("../../blobs/" + etag, repo() / "snapshots" / kCommit / name);
  }

  Ended run(const Arguments& more) const {
    Arguments arguments = {"cache"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return test::run_program(arguments, {.environment = environment()});
  }

  std::vector<std::string> environment() const {
    return {"HF_HUB_CACHE=" + (folder / "hub").string(), "HF_ENDPOINT=http://127.0.0.1:1"};
  }

  bool has(const std::string& file) const {
    return fs::exists(repo() / "snapshots" / kCommit / file);
  }

  const test::TemporaryFolder folder;
};

TEST_F(CacheProgramTest, NamesAreThoseOfTheRepos) {
  EXPECT_EQ(run({"--names"}).out, "o/m\n");
  EXPECT_EQ(run({"--names"}).err, "");
  fs::remove_all(folder / "hub");
  const Ended none = run({"--names"});
  EXPECT_EQ(none.status, 0) << none.err;
  EXPECT_EQ(none.out, "");
}

TEST_F(CacheProgramTest, ListsAModelALine) {
  const Ended ended = run({});
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.out, testing::MatchesRegex(
                             "   0.0 MiB  20..-..-..  o/m  big-00001-of-00002.gguf  .2 parts.\n"
                             "   0.0 MiB  20..-..-..  o/m  h.incomplete  .unfinished.\n"
                             "   3.0 MiB  20..-..-..  o/m  m-Q4_0.gguf\n"));
  EXPECT_EQ(ended.err, "total:   3 models, 3.0 MiB in " + (folder / "hub").string() + "\n");
}

TEST_F(CacheProgramTest, JsonHasPathsThatCanBeLoaded) {
  const Json json = Json::parse(run({"--json", "--repo", "o/m", "--gguf", "m-Q4_0.gguf"}).out);
  EXPECT_EQ(json["size_bytes"], 3 << 20);
  ASSERT_EQ(json["models"].size(), 1u);
  const Json& model = json["models"][0];
  EXPECT_EQ(model["path"], (repo() / "snapshots" / kCommit / "m-Q4_0.gguf").string());
  EXPECT_EQ(model["state"], "whole");
  EXPECT_EQ(model["revisions"], Json({"main"}));
  EXPECT_EQ(model["last_used"].get<std::string>().size(), 20u);
}

TEST_F(CacheProgramTest, RemovesWhatIsNamedAndSaysWhatThatFrees) {
  const Ended ended = run({"--repo", "o/m", "--gguf", "m-Q4_0.gguf", "--remove"});
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("m-Q4_0.gguf\n"));
  EXPECT_EQ(ended.err, "frees:   3.0 MiB of 3.0 MiB\nremoved: 1 model, 3.0 MiB\n");
  EXPECT_FALSE(has("m-Q4_0.gguf"));
  EXPECT_FALSE(fs::exists(repo() / "blobs/e"));
  EXPECT_TRUE(has("big-00002-of-00002.gguf"));
  EXPECT_TRUE(fs::exists(repo() / "blobs/h.incomplete"));
}

TEST_F(CacheProgramTest, UnfinishedDownloadsAndThenAllOfTheRepo) {
  const Ended unfinished = run({"--unfinished", "--remove"});
  EXPECT_EQ(unfinished.status, 0) << unfinished.err;
  EXPECT_FALSE(fs::exists(repo() / "blobs/h.incomplete"));
  EXPECT_TRUE(has("m-Q4_0.gguf"));
  const Json rest = Json::parse(run({"--repo", "o/m", "--remove", "--json"}).out);
  EXPECT_EQ(rest["removed"], 2);
  EXPECT_EQ(rest["freed_bytes"], (3 << 20) + 5);
  EXPECT_EQ(rest["errors"], Json::array());
  EXPECT_FALSE(fs::exists(repo()));
  const Ended nothing = run({});
  EXPECT_EQ(nothing.status, 0);
  EXPECT_EQ(nothing.out, "");
  EXPECT_THAT(nothing.err, HasSubstr("total:   0 models, 0.0 MiB"));
}

TEST_F(CacheProgramTest, WhatIsNotThereIsSaid) {
  const auto error_of = [&](const Arguments& arguments) {
    const Ended ended = run(arguments);
    EXPECT_EQ(ended.status, 1) << testing::PrintToString(arguments);
    EXPECT_EQ(ended.out, "");
    return ended.err;
  };
  EXPECT_THAT(error_of({"--repo", "o/other", "--remove"}),
              HasSubstr("linnet: there are no models of o/other in "));
  EXPECT_THAT(error_of({"--repo", "o/m", "--gguf", "x.gguf"}),
              HasSubstr("linnet: there is no x.gguf of o/m in "));
  EXPECT_THAT(error_of({"--repo", "o/m", "--revision", "v2"}),
              HasSubstr("there are no models of o/m (revision v2) in "));
  EXPECT_THAT(error_of({"--repo", "../m"}), HasSubstr("is not a repo of the Hub"));
  EXPECT_THAT(error_of({"--repo", "o/m", "--gguf", "../x"}), HasSubstr("cannot be the name"));
  run({"--unfinished", "--remove"});
  EXPECT_THAT(error_of({"--unfinished"}), HasSubstr("there are no unfinished downloads in "));
}

TEST_F(CacheProgramTest, WhatCannotBeRemovedIsAnError) {
  test::put_file(folder / "hub/.locks/models--o--m/h.lock", "");
  const int other = open((folder / "hub/.locks/models--o--m/h.lock").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(flock(other, LOCK_EX), 0);
  const Ended ended = run({"--repo", "o/m", "--remove"});
  close(other);
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("removed: 2 models, 3.0 MiB\n"),
                               HasSubstr("linnet: o/m: another process downloads h, so ")));
  EXPECT_TRUE(fs::exists(repo() / "blobs/h.incomplete"));
}

TEST_F(CacheProgramTest, ATerminalIsAskedAndNotSteered) {
  put("evil\x1b[2J.gguf", "i", "123");
  const Arguments remove = {"cache", "--repo", "o/m", "--remove"};
  for (const char* refusal : {"n", "", "yesterday"}) {
    test::Terminal terminal(remove, environment());
    const std::string shown = terminal.wait_for("remove?  [y/N] ");
    EXPECT_THAT(shown, AllOf(HasSubstr("evil?[2J.gguf"), Not(HasSubstr("\x1b"))));
    terminal.type(refusal + std::string("\r"));
    terminal.wait_for("linnet: nothing was removed");
    EXPECT_EQ(terminal.wait(), 1);
    EXPECT_TRUE(has("m-Q4_0.gguf"));
  }
  test::Terminal agreed(remove, environment());
  agreed.wait_for("[y/N] ");
  agreed.type("y\r");
  agreed.wait_for("removed: 4 models");
  EXPECT_EQ(agreed.wait(), 0);
  EXPECT_FALSE(fs::exists(repo()));
}

TEST_F(CacheProgramTest, YesIsNotAsked) {
  test::Terminal terminal({"cache", "--repo", "o/m", "--remove", "-y"}, environment());
  EXPECT_THAT(terminal.wait_for("removed: 3 models"), Not(HasSubstr("[y/N]")));
  EXPECT_EQ(terminal.wait(), 0);
}

TEST_F(CacheProgramTest, EverythingAtOnceHasToBeNamed) {
  for (const Arguments& arguments : {Arguments{"--remove"}, Arguments{"--gguf", "m-Q4_0.gguf"},
                                     Arguments{"--revision", "main"}, Arguments{"--yes"}}) {
    const Ended ended = run(arguments);
    EXPECT_EQ(ended.status, 2) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr("requires --re"));
  }
  EXPECT_TRUE(has("m-Q4_0.gguf"));
}

}  // namespace
}  // namespace linnet
