#include "hub/repo_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace linnet::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(RepoFileTest, NamesThatTheHubHas) {
  EXPECT_TRUE((RepoFile{"TheBloke/Llama-2-7B_v1.1-GGUF", "q4/a b.gguf", "main"}.check()));
  EXPECT_TRUE((RepoFile{"gpt2", "a.gguf", "refs/pr/12"}.check()));
}

TEST(RepoFileTest, NamesThatLeaveTheCacheAreRefused) {
  for (const char* repo : {"", "a/b/c", "../x", "a/..", "a/.b", "a--b/c", "/a", "a/", "a b/c",
                           "https://huggingface.co/a/b"}) {
    EXPECT_FALSE((RepoFile{repo, "f", "main"}.check())) << repo;
  }
  for (const char* name : {"", "/etc/passwd", "a/../../b", "..", "a//b", "a/", "a\nb", "a\\b"}) {
    EXPECT_FALSE((RepoFile{"o/m", name, "main"}.check())) << name;
    EXPECT_FALSE((RepoFile{"o/m", "f", name}.check())) << name;
  }
  EXPECT_THAT((RepoFile{"o/m/x", "f", "main"}.check().error().message), HasSubstr("OWNER/NAME"));
}

TEST(RepoFileTest, ResolveUrl) {
  EXPECT_EQ((RepoFile{"o/m", "q4/a b.gguf", "refs/pr/1"}.resolve_url("https://h.test")),
            "https://h.test/o/m/resolve/refs%2Fpr%2F1/q4/a%20b.gguf");
}

TEST(RepoFileTest, Commits) {
  EXPECT_TRUE(is_commit("0123456789abcdef0123456789abcdef01234567"));
  EXPECT_FALSE(is_commit("0123456789abcdef0123456789abcdef0123456"));
  EXPECT_FALSE(is_commit("0123456789abcdef0123456789abcdef0123456/"));
}

TEST(RepoFileTest, NamesAreShownInOneLine) {
  EXPECT_EQ(shown_names({}), "");
  EXPECT_EQ(shown_names({"a.gguf", "b\n.gguf"}), "a.gguf, b?.gguf");
  EXPECT_THAT(shown_names(std::vector<std::string>(50, "a")), testing::EndsWith(", a and 10 more"));
}

TEST(RepoFileTest, PartsOfSplitModels) {
  EXPECT_THAT(
      part_names("d/m-00001-of-00003.gguf"),
      ElementsAre("d/m-00001-of-00003.gguf", "d/m-00002-of-00003.gguf", "d/m-00003-of-00003.gguf"));
  EXPECT_EQ(part_names("m-00002-of-00003.gguf").size(), 3u);
  for (const char* name : {"m.gguf", "m-00000-of-00003.gguf", "m-00004-of-00003.gguf",
                           "m-00001-of-99999.gguf", "m-0001-of-00003.gguf", "m-00001-of-00003.bin",
                           "-00001-of-00003.gguf", "m-0000a-of-00003.gguf"}) {
    EXPECT_THAT(part_names(name), ElementsAre(name));
  }
}

}  // namespace
}  // namespace linnet::hub
