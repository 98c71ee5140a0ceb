#include "hub/url.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace linnet::hub {
namespace {

using ::testing::HasSubstr;

TEST(UrlTest, OriginsAreComparable) {
  EXPECT_EQ(origin_of("https://HuggingFace.co/a/b?c"), "https://huggingface.co:443");
  EXPECT_EQ(origin_of("https://huggingface.co:443"), origin_of("https://huggingface.co/x"));
  EXPECT_NE(origin_of("https://huggingface.co"), origin_of("http://huggingface.co"));
  EXPECT_NE(origin_of("https://huggingface.co"), origin_of("https://huggingface.co.evil.test"));
  EXPECT_NE(origin_of("https://huggingface.co"), origin_of("https://huggingface.co:8443"));
  EXPECT_EQ(origin_of("https://huggingface.co@evil.test/"), "https://evil.test:443");
  EXPECT_EQ(origin_of("file:///etc/passwd"), std::nullopt);
  EXPECT_EQ(origin_of("huggingface.co"), std::nullopt);
}

TEST(UrlTest, RedirectsMayBeRelative) {
  EXPECT_EQ(*redirected("https://h.test/a/b", "/c?d=%20"), "https://h.test/c?d=%20");
  EXPECT_EQ(*redirected("https://h.test/a/b", "c"), "https://h.test/a/c");
  EXPECT_EQ(*redirected("https://h.test/a", "https://s.test/x"), "https://s.test/x");
  EXPECT_EQ(*redirected("http://h.test/a", "https://s.test/x"), "https://s.test/x");
}

TEST(UrlTest, RedirectsThatAreNotFollowed) {
  EXPECT_THAT(redirected("https://h.test/a", "http://h.test/b").error().message,
              HasSubstr("expected https"));
  EXPECT_FALSE(redirected("https://h.test/a", "file:///etc/passwd"));
  EXPECT_FALSE(redirected("http://h.test/a", "ftp://h.test/b"));
  EXPECT_FALSE(redirected("http://h.test/a", "http://"));
}

TEST(UrlTest, PercentEncoding) {
  EXPECT_EQ(percent_encoded("a b/c#?%.gguf", true), "a%20b/c%23%3F%25.gguf");
  EXPECT_EQ(percent_encoded("refs/pr/1", false), "refs%2Fpr%2F1");
  EXPECT_EQ(percent_encoded("\xc3\xa4", true), "%C3%A4");
}

TEST(UrlTest, ShownAddressesTellNoSecrets) {
  EXPECT_EQ(shown_address("https://user:password@h.test:81/a/b?X-Signature=secret"),
            "https://h.test:81/a/b");
  EXPECT_EQ(shown_address("no address\n"), "no address?");
  EXPECT_EQ(redirected("https://h.test/a?s=1", "http://u:p@h.test/b?s=2").error().message,
            "https://h.test/a leads to http://h.test/b, which is not followed: expected https");
}

TEST(UrlTest, ShownTextIsHarmless) {
  EXPECT_EQ(shown("a\x1b[31m\n\xc3\xa4"), "a?[31m?\xc3\xa4");
  EXPECT_EQ(shown("abcdef", 3), "abc...");
}

}  // namespace
}  // namespace linnet::hub
