#include "chat/jinja/lexer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "chat/jinja/budget.hpp"
#include "chat/jinja/unescape.hpp"

namespace linnet::jinja {
namespace {

using testing::ElementsAre;
using Kind = Token::Kind;

std::vector<std::string> texts(std::string_view source, Kind kind) {
  std::vector<std::string> result;
  for (const Token& token : tokenize(source)) {
    if (token.kind == kind) result.push_back(token.text);
  }
  return result;
}

std::string failure_of(std::string_view source) {
  try {
    tokenize(source);
  } catch (const Failure& failure) {
    return failure.message;
  }
  return "";
}

TEST(LexerTest, CutsNumbersAsJinjaDoes) {
  EXPECT_THAT(texts("{{ 1 1_000 0x1F 0b10 0o17 007 }}", Kind::kInteger),
              ElementsAre("1", "1000", "0x1F", "0b10", "0o17", "00", "7"));
  EXPECT_THAT(texts("{{ 1.5 1e3 1.5e-3 1_0.2_5 }}", Kind::kFloat),
              ElementsAre("1.5", "1e3", "1.5e-3", "10.25"));
  EXPECT_THAT(texts("{{ a.0.1 }}", Kind::kInteger), ElementsAre("0", "1"));
}

TEST(LexerTest, TrimsTheNewlineAfterABlockOnly) {
  EXPECT_THAT(texts("a\n{% b %}\nc\n{{ d }}\ne", Kind::kText), ElementsAre("a\n", "c\n", "\ne"));
}

TEST(LexerTest, StripsTheLineBeforeABlockOnly) {
  EXPECT_THAT(texts("a\n  {% b %}x  {% c %}", Kind::kText), ElementsAre("a\n", "x  "));
  EXPECT_THAT(texts("  {{ b }}", Kind::kText), ElementsAre("  "));
  EXPECT_THAT(texts("  {%+ b %}", Kind::kText), ElementsAre("  "));
}

TEST(LexerTest, MinusStripsUnicodeSpaces) {
  EXPECT_THAT(texts("a\u00a0\n{{- b -}}\u2003 c", Kind::kText), ElementsAre("a", "c"));
}

TEST(LexerTest, DropsOneNewlineAtTheEnd) {
  EXPECT_THAT(texts("a\n\n", Kind::kText), ElementsAre("a\n"));
  EXPECT_THAT(texts("a\r\nb\rc", Kind::kText), ElementsAre("a\nb\nc"));
}

TEST(LexerTest, RawBlocksAreText) {
  EXPECT_THAT(texts("{% raw %}{{ x }}{% endraw %}", Kind::kText), ElementsAre("{{ x }}"));
  EXPECT_THAT(texts("{%- raw -%} {% x %} {%- endraw %}", Kind::kText), ElementsAre("{% x %}"));
}

TEST(LexerTest, ATagDoesNotEndInsideBrackets) {
  EXPECT_THAT(texts("{{ {'a': {'b': 1}}}}", Kind::kInteger), ElementsAre("1"));
  EXPECT_THAT(texts("{{ '}}' }}", Kind::kString), ElementsAre("}}"));
}

TEST(LexerTest, FailuresNameTheLine) {
  EXPECT_EQ(failure_of("a\n{{ ( }}"), "line 2: unexpected '}', expected ')'");
  EXPECT_EQ(failure_of("\n\n{# x"), "line 3: a comment has no end");
  EXPECT_EQ(failure_of("{{ 'x }}"), "line 1: a string has no end");
  EXPECT_EQ(failure_of("{{ x"), "line 1: a tag has no end");
  EXPECT_EQ(failure_of("{% raw %}"), "line 1: a raw block has no end");
  EXPECT_EQ(failure_of("{{ ? }}"), "line 1: unexpected character '?'");
  EXPECT_EQ(failure_of("{{ '\\x4' }}"), "line 1: a string has a broken \\x escape");
}

TEST(UnescapeTest, ReadsPythonsEscapes) {
  EXPECT_EQ(unescape(R"(a\n\t\\\'\"\x41\u00e9\U0001F600\101\0)"),
            std::string("a\n\t\\'\"A\u00e9\U0001F600A\0", 15));
  EXPECT_EQ(unescape(R"(\q\)"), R"(\q\)");
  EXPECT_EQ(unescape("a\\\nb"), "ab");
  EXPECT_EQ(unescape(R"(\ud800)"), "\uFFFD");  // a surrogate alone is no character
}

}  // namespace
}  // namespace linnet::jinja
