#include "hub/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "support/put_file.hpp"
#include "support/temporary_folder.hpp"

namespace linnet::hub {
namespace {

using ::testing::HasSubstr;

Result<Settings> read(const std::map<std::string, std::string>& variables) {
  return Settings::from_environment([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(SettingsTest, DefaultsAreThoseOfHuggingfaceHub) {
  const auto settings = read({{"HOME", "/nowhere/u"}});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->cache, "/nowhere/u/.cache/huggingface/hub");
  EXPECT_EQ(settings->endpoint, "https://huggingface.co");
  EXPECT_EQ(settings->token, "");
  EXPECT_FALSE(settings->offline);
}

TEST(SettingsTest, TheCacheFollowsItsVariables) {
  const std::string home = "/nowhere/u";
  EXPECT_EQ(read({{"HOME", home}, {"XDG_CACHE_HOME", "/x"}})->cache, "/x/huggingface/hub");
  EXPECT_EQ(read({{"HOME", home}, {"HF_HOME", "/h"}, {"XDG_CACHE_HOME", "/x"}})->cache, "/h/hub");
  EXPECT_EQ(read({{"HOME", home}, {"HF_HOME", "~/h"}})->cache, "/nowhere/u/h/hub");
  EXPECT_EQ(read({{"HF_HOME", "/h"}, {"HUGGINGFACE_HUB_CACHE", "/old"}})->cache, "/old");
  EXPECT_EQ(
      read({{"HF_HOME", "/h"}, {"HF_HUB_CACHE", "/c"}, {"HUGGINGFACE_HUB_CACHE", "/old"}})->cache,
      "/c");
}

TEST(SettingsTest, NoHomeIsAnError) {
  const auto settings = read({});
  ASSERT_FALSE(settings);
  EXPECT_THAT(settings.error().message, HasSubstr("HF_HOME"));
}

TEST(SettingsTest, ACacheNeedsNoHome) {
  const auto settings = read({{"HF_HUB_CACHE", "/c"}});
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->cache, "/c");
}

// They were files of the current folder.
TEST(SettingsTest, PathsInHomeNeedOne) {
  for (const std::string name : {"HF_HOME", "XDG_CACHE_HOME", "HF_HUB_CACHE"}) {
    for (const char* const path : {"~", "~/", "~/c"}) {
      const auto settings = read({{name, path}});
      ASSERT_FALSE(settings) << name << " " << path;
      EXPECT_THAT(settings.error().message, HasSubstr(name));
      EXPECT_THAT(settings.error().message, HasSubstr("HOME, for which ~ stands, is not set"));
    }
  }
  for (const char* const name : {"HF_TOKEN_PATH", "SSL_CERT_FILE"}) {
    EXPECT_FALSE(read({{"HF_HUB_CACHE", "/c"}, {name, "~/f"}})) << name;
  }
  EXPECT_TRUE(read({{"HF_HUB_CACHE", "/c"}, {"HF_HOME", "~/h"}}));
}

TEST(SettingsTest, PathsInHomeStayThere) {
  EXPECT_EQ(read({{"HOME", "/h"}, {"HF_HUB_CACHE", "~"}})->cache, "/h");
  EXPECT_EQ(read({{"HOME", "/h"}, {"HF_HUB_CACHE", "~//etc"}})->cache, "/h/etc");
}

TEST(SettingsTest, CertificatesOfOnesOwn) {
  const std::string home = "/nowhere/u";
  EXPECT_EQ(read({{"HOME", home}})->certificates, "");
  EXPECT_EQ(read({{"HOME", home}, {"SSL_CERT_FILE", "~/ca.pem"}})->certificates,
            "/nowhere/u/ca.pem");
  EXPECT_EQ(read({{"HOME", home}, {"SSL_CERT_FILE", "/s"}, {"CURL_CA_BUNDLE", "/c"}})->certificates,
            "/c");
  EXPECT_EQ(
      read({{"HOME", home}, {"CURL_CA_BUNDLE", "/c"}, {"REQUESTS_CA_BUNDLE", "/r"}})->certificates,
      "/r");
}

TEST(SettingsTest, TheTokenComesFromTheVariableOrTheFile) {
  const test::TemporaryFolder folder;
  test::put_file(folder.path() / "token", "  hf_file \n");
  const std::string home = folder.path();
  EXPECT_EQ(read({{"HF_HOME", home}})->token, "hf_file");
  EXPECT_EQ(read({{"HF_HOME", home}, {"HF_TOKEN", "hf_variable\n"}})->token, "hf_variable");
  EXPECT_EQ(read({{"HF_HOME", home}, {"HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"}})->token, "");
  test::put_file(folder.path() / "other", "hf_other");
  EXPECT_EQ(read({{"HF_HOME", home}, {"HF_TOKEN_PATH", home + "/other"}})->token, "hf_other");
}

// Not all of a file that may be large.
TEST(SettingsTest, AFileOfOneLongLineHoldsNoToken) {
  const test::TemporaryFolder folder;
  const std::string home = folder.path();
  test::put_file(folder.path() / "token", std::string(4095, 'a'));
  EXPECT_EQ(read({{"HF_HOME", home}})->token, std::string(4095, 'a'));
  test::put_file(folder.path() / "token", std::string(4096, 'a'));
  const auto settings = read({{"HF_HOME", home}});
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().message,
            home + "/token: holds no Hugging Face token: its first line has 4096 bytes or more");
}

TEST(SettingsTest, ATokenCannotSmuggleHeaders) {
  const auto settings = read({{"HF_HOME", "/h"}, {"HF_TOKEN", "a\r\nX-Evil: 1"}});
  ASSERT_FALSE(settings);
  EXPECT_THAT(settings.error().message, HasSubstr("HF_TOKEN"));
}

TEST(SettingsTest, TheEndpointMustBeAnAddress) {
  EXPECT_EQ(read({{"HF_HOME", "/h"}, {"HF_ENDPOINT", "http://hub.test:81//"}})->endpoint,
            "http://hub.test:81");
  EXPECT_THAT(read({{"HF_HOME", "/h"}, {"HF_ENDPOINT", "ftp://hub.test"}}).error().message,
              HasSubstr("HF_ENDPOINT is 'ftp://hub.test'"));
  EXPECT_FALSE(read({{"HF_HOME", "/h"}, {"HF_ENDPOINT", "hub.test"}}));
}

TEST(SettingsTest, OfflineInAnyCase) {
  EXPECT_TRUE(read({{"HF_HOME", "/h"}, {"HF_HUB_OFFLINE", "1"}})->offline);
  EXPECT_TRUE(read({{"HF_HOME", "/h"}, {"HF_HUB_OFFLINE", "True"}})->offline);
  EXPECT_FALSE(read({{"HF_HOME", "/h"}, {"HF_HUB_OFFLINE", "0"}})->offline);
}

}  // namespace
}  // namespace linnet::hub
