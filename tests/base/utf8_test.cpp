#include "base/utf8.hpp"

#include <gtest/gtest.h>

namespace linnet {
namespace {

TEST(Utf8Test, KnowsValidText) {
  for (const std::string_view text :
       {"", "a", "é", "漢", "🦆", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf"}) {
    EXPECT_TRUE(is_valid_utf8(text)) << text;
    EXPECT_TRUE(is_valid_utf8("0123456789" + std::string(text) + "0123456789"));
  }
  for (const std::string_view text :
       {"\x80", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff"}) {
    EXPECT_FALSE(is_valid_utf8(text));
    EXPECT_FALSE(is_valid_utf8("0123456789" + std::string(text) + "0123456789"));
  }
}

TEST(Utf8Test, CodePointsGoThereAndBack) {
  for (const char32_t c : {0x0, 0x7f, 0x80, 0x7ff, 0x800, 0xffff, 0x10000, 0x10ffff}) {
    std::string text;
    append_utf8(text, c);
    EXPECT_EQ(first_code_point(text), c);
    EXPECT_EQ(utf8_length(text[0]), text.size());
  }
}

TEST(Utf8Test, CharactersAreTakenOffTheFront) {
  std::string_view text = "é日😀";
  EXPECT_EQ(take_character(text), U'é');
  EXPECT_EQ(take_character(text), U'日');
  EXPECT_EQ(take_character(text), U'😀');
  EXPECT_EQ(take_character(text), std::nullopt);
  for (std::string_view broken : {"\xe6\x97", "\x80", "\xc0\x80"}) {
    const std::string_view before = broken;
    EXPECT_EQ(take_character(broken), std::nullopt);
    EXPECT_EQ(broken, before);
  }
}

TEST(Utf8Test, LongTextsAreShortenedBetweenCharacters) {
  EXPECT_EQ(shortened("abc", 3), "abc");
  EXPECT_EQ(shortened("abcd", 3), "abc...");
  EXPECT_EQ(shortened("a日本", 4), "a日...");
  EXPECT_EQ(shortened("a日本", 6), "a日...");
  EXPECT_EQ(shortened("a日本", 7), "a日本");
  EXPECT_EQ(shortened("\x80\x80\x80", 2), "...");
}

}  // namespace
}  // namespace linnet
