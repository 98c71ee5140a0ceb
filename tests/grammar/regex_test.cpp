// GCC 12 warns falsely about std::regex when it is compiled with sanitizers.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

#include "grammar/regex.hpp"

#include <random>
#include <regex>

#include "grammar/grammar_support.hpp"
#include "grammar/utf8.hpp"

namespace linnet::grammar::test {
namespace {

bool occurs(std::string_view pattern, std::string_view text) {
  auto automaton = compile_pattern(pattern);
  if (!automaton) return ADD_FAILURE() << automaton.error().message, false;
  return grammar::accepts(*automaton, *to_characters(text));
}

TEST(Regex, Examples) {
  struct Case {
    const char* pattern;
    std::vector<std::string> accepted, rejected;
  };
  const std::vector<Case> cases = {
      {"\\d{3}-\\w+", {"123-a_Z9"}, {"12-a", "123-", "123-é"}},
      {"[^\\s\\d]+", {"aé-"}, {"a b", "a1", "a\u00a0b"}},
      {"\\u00e9\\x41\\u{1F600}\\uD83D\\uDE00\\cJ", {"éA😀😀\n"}, {"eA😀😀\n"}},
      {"\\p{Lu}\\p{L}*\\P{L}", {"Éa1", "A "}, {"éa1", "Aa"}},
      {"(?:a|b)+?(?<name>c)*", {"ab", "acc"}, {"", "c"}},
      {"^abc$", {"abc"}, {"ab", "abcd"}},
      {"a{2}b{1,}c{0,1}{", {"aab{", "aabbc{"}, {"ab{"}},
      {".", {"a", "é"}, {"\n", "", "\u2028"}},
      {"(?=.*\\d)(?!.*x)[a-z0-9]{2,}", {"a1", "99"}, {"ab", "x1", "1"}},
      {"[a\\-z]|[-b]|[c-]", {"a", "-", "z", "b", "c"}, {"y"}},
      {"[]|a", {"a"}, {"", "]"}},
      {"[^]", {"\n", "a"}, {""}},
      {"(^a|b)c$|d", {"ac", "bc", "d"}, {"c"}},
      {"", {""}, {"a"}},
      {"a|", {"a", ""}, {"b"}},
      {"\\/\\.\\-\\$", {"/.-$"}, {"/x-$"}},
      {"\\n\\t\\r\\f\\v\\0", {std::string("\n\t\r\f\v\0", 6)}, {"ntrfv0"}},
      {"\\D\\S\\W", {"a1 ", "é日-"}, {"1a ", "a  ", "a1_"}},
      {"[\\w-.]+|[+-\\d]", {"a_9-.", "+", "-", "5"}, {"a b", ",", "a+"}},
      {"[\\n-\\r\\b]", {"\n", "\v", "\r", "\b"}, {"\t", "n", "b"}},
  };
  for (const Case& one : cases) {
    const auto automaton = must(compiled_regex(one.pattern));
    for (const auto& text : one.accepted)
      EXPECT_TRUE(accepts(automaton, text)) << one.pattern << ' ' << text;
    for (const auto& text : one.rejected)
      EXPECT_FALSE(accepts(automaton, text)) << one.pattern << ' ' << text;
  }
}

TEST(Regex, PatternsOfSchemasOccurAnywhere) {
  EXPECT_TRUE(occurs("b+", "aabba"));
  EXPECT_FALSE(occurs("^b+", "aabba"));
  EXPECT_FALSE(occurs("b+$", "aabba"));
  EXPECT_TRUE(occurs("^a|b$", "xxb"));
  EXPECT_TRUE(occurs("^a|b$", "axx"));
  EXPECT_FALSE(occurs("^a|b$", "xax"));
  EXPECT_TRUE(occurs("^$", ""));
  EXPECT_FALSE(occurs("^$", "a"));
  EXPECT_TRUE(occurs("", "anything"));
  EXPECT_FALSE(occurs("a^b", "ab"));
  EXPECT_TRUE(occurs("a(^|b)c", "xabc"));
  EXPECT_TRUE(occurs("^(?=.*[A-Z])(?=.*[0-9]).{4,}$", "abC1"));
  EXPECT_FALSE(occurs("^(?=.*[A-Z])(?=.*[0-9]).{4,}$", "abc1"));
}

TEST(Regex, WhatIsNotSupportedIsNamed) {
  const auto expect_error = [](const char* pattern, const std::string& part) {
    EXPECT_NE(error_of(compiled_regex(pattern)).find(part), std::string::npos)
        << pattern << " gave: " << error_of(compiled_regex(pattern));
  };
  expect_error("(a)\\1", "backreferences are not supported");
  expect_error("\\bfoo", "word boundaries are not supported");
  expect_error("(?<=a)b", "lookbehind is not supported");
  expect_error("a(?=b)", "lookahead is only supported at the start");
  expect_error("(?i)a", "groups that start with (?");
  expect_error("\\p{Script=Latin}", "the property Script=Latin is not supported");
  expect_error("a)", "position 2: unmatched )");
  expect_error("(a", "expected ) at the end of a group");
  expect_error("[a", "expected ] at the end of a class");
  expect_error("*a", "nothing to repeat");
  expect_error("a{3,2}", "largest count is below");
  expect_error("[z-a]", "goes backwards");
  expect_error("\\p", "position 3: expected {NAME} after \\p");
  expect_error("(?=a)b|c", "without top-level |");
  EXPECT_EQ(error_of(compiled_regex(std::string((1 << 16) + 1, 'a'))),
            "the regular expression has 65537 bytes, and at most 65536 are read");
}

// Random expressions over a small alphabet, against the standard library's ECMAScript.
class RandomRegex {
 public:
  explicit RandomRegex(unsigned seed) : random_(seed) {}

  // Options within groups begin with a character: the standard library does not end where a group
  // that matches nothing is repeated.
  std::string expression(int depth = kDepth) {
    std::string result = sequence(depth);
    while (pick(4) == 0) result.append("|").append(sequence(depth));
    return result;
  }
  std::string text() {
    std::string result;
    for (int length = pick(7); length > 0; --length) result += "abc1"[pick(4)];
    return result;
  }

 private:
  static constexpr int kDepth = 2;

  int pick(int count) { return static_cast<int>(random_() % static_cast<unsigned>(count)); }

  std::string sequence(int depth) {
    std::string result(depth < kDepth ? 1 : 0, "abc1"[pick(4)]);
    for (int parts = pick(4); parts > 0; --parts) result += part(depth);
    return result;
  }
  std::string part(int depth) {
    static const char* const kAtoms[] = {"a",   "b",   "c",    "1",    ".",
                                         "\\d", "\\w", "[ab]", "[^a]", "[a-c1]"};
    static const char* const kCounts[] = {"*", "+", "?", "{2}", "{1,2}", "{0,3}", "{2,}", "*?", ""};
    if (pick(9) == 0) return pick(2) == 0 ? "^" : "$";
    std::string atom = kAtoms[pick(10)];
    if (depth > 0 && pick(3) == 0) atom.assign("(").append(expression(depth - 1)).append(")");
    return atom.append(kCounts[pick(9)]);
  }

  std::mt19937 random_;
};

TEST(Regex, AgreesWithTheStandardLibrary) {
  RandomRegex random(7);
  int accepted = 0;
  for (int i = 0; i < 1500; ++i) {
    const std::string pattern = random.expression();
    const std::regex reference(pattern, std::regex::ECMAScript);
    const auto whole = compiled_regex(pattern);
    if (!whole) {
      ASSERT_EQ(whole.error().message, "the grammar matches no text") << pattern;
    }
    const auto anywhere = compile_pattern(pattern);
    ASSERT_TRUE(anywhere) << anywhere.error().message;
    for (int j = 0; j < 12; ++j) {
      const std::string text = random.text();
      const bool expected = std::regex_match(text, reference);
      ASSERT_EQ(whole && accepts(*whole, text), expected) << pattern << " on '" << text << "'";
      ASSERT_EQ(grammar::accepts(*anywhere, *to_characters(text)),
                std::regex_search(text, reference))
          << pattern << " in '" << text << "'";
      accepted += expected;
    }
  }
  EXPECT_GT(accepted, 1000);
}

}  // namespace
}  // namespace linnet::grammar::test
