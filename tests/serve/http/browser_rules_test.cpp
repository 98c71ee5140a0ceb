#include "serve/http/browser_rules.hpp"

#include <gtest/gtest.h>

namespace linnet::serve {
namespace {

TEST(BrowserRules, WhatIsNoBrowserPasses) {
  EXPECT_FALSE(BrowserRules({}, true).refuse("", ""));
  EXPECT_FALSE(BrowserRules({}, false).refuse("", "chat.example.com"));
}

TEST(BrowserRules, TheOwnPagePasses) {
  const BrowserRules rules({}, false);
  EXPECT_FALSE(rules.refuse("http://localhost:8080", "localhost:8080"));
  EXPECT_FALSE(rules.refuse("https://Chat.example.com", "chat.example.com"));
  EXPECT_TRUE(rules.reply_headers("http://localhost:8080").empty());
}

TEST(BrowserRules, OtherPagesAreRefusedUnlessNamed) {
  const BrowserRules rules({"https://app.example.com"}, false);
  for (const char* origin : {"https://evil.example.com", "http://app.example.com", "null",
                             "https://app.example.com.evil.com", "https://app.example.com:81"}) {
    const auto error = rules.refuse(origin, "localhost:8080");
    ASSERT_TRUE(error) << origin;
    EXPECT_EQ(error->status, 403);
    EXPECT_TRUE(rules.reply_headers(origin).empty());
    EXPECT_TRUE(rules.preflight_headers(origin).empty());
  }
  EXPECT_FALSE(rules.refuse("https://app.example.com", "localhost:8080"));
  EXPECT_EQ(rules.reply_headers("https://app.example.com").front().second,
            "https://app.example.com");
  EXPECT_FALSE(BrowserRules({"*"}, false).refuse("https://any.example.com", "localhost"));
}

TEST(BrowserRules, NamesThatOnlySeemLocal) {
  const BrowserRules rules({"http://desk.lan:3000"}, true);
  for (const char* host : {"localhost", "localhost:8080", "LOCALHOST", "127.0.0.1:8080",
                           "127.9.9.9", "[::1]:8080", "app.localhost", "desk.lan"}) {
    EXPECT_FALSE(rules.refuse("", host)) << host;
  }
  // A page of evil.com whose name was pointed at 127.0.0.1 has itself as its origin.
  for (const char* host : {"evil.com", "evil.com:8080", "localhost.evil.com", "10.0.0.1", "[::2]",
                           "[", ":8080", "127.0.0.1.evil.com"}) {
    EXPECT_TRUE(rules.refuse(std::string("http://") + host, host)) << host;
  }
}

TEST(BrowserRules, FormsOfOrigins) {
  EXPECT_TRUE(BrowserRules::check_origins({"*", "https://a.b", "http://localhost:3000"}).ok());
  for (const char* origin : {"", "a.b", "https://", "https://a.b/", "https://a.b/path"}) {
    EXPECT_FALSE(BrowserRules::check_origins({origin}).ok()) << origin;
  }
}

}  // namespace
}  // namespace linnet::serve
