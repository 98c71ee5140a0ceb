#include "grammar/gbnf.hpp"

#include "grammar/grammar_support.hpp"

namespace linnet::grammar::test {
namespace {

struct Case {
  const char* grammar;
  std::vector<std::string> accepted, rejected;
};

TEST(Gbnf, AcceptsAndRejects) {
  const std::vector<Case> cases = {
      {"root ::= \"a\\x41\\u00e9\\U0001F600\\n\\t\\\"\\\\\"", {"aAé😀\n\t\"\\"}, {"aA", ""}},
      {"root ::= [a-c\\]\\-x]+", {"a", "]-x", "cab"}, {"", "d", "["}},
      {"root ::= [^a-y\\n]", {"z", "é", "😀"}, {"a", "\n", "zz"}},
      {"root ::= . .", {"ab", "é😀"}, {"a", "abc", "\xc3\xa9", "\xff\xfe"}},
      {"root ::= (\"a\" | \"b\" (\"c\" | \"d\")?)*", {"", "abbcbd"}, {"c", "bcd"}},
      {"root ::= \"a\"{2} \"b\"{1,} \"c\"{0,2}", {"aab", "aabbcc"}, {"ab", "aa", "aabccc"}},
      {"root ::= x # comment\n# another\n\nx ::= \"a\"\n  | \"b\"\n  | y\ny ::= \"c\"",
       {"a", "b", "c"},
       {"d", ""}},
      {"root ::= (\n  \"a\"\n  \"b\"\n)", {"ab"}, {"a"}},
      {"root ::= \"\"", {""}, {"a"}},
      {"root ::= [a]* \"b\" *", {"", "aab", "abb"}, {"ba"}},
      {"r-1_x ::= \"q\"\r\nroot ::= r-1_x\r\n", {"q"}, {""}},
  };
  for (const Case& one : cases) {
    const auto automaton = must(compiled_gbnf(one.grammar));
    for (const auto& text : one.accepted)
      EXPECT_TRUE(accepts(automaton, text)) << one.grammar << text;
    for (const auto& text : one.rejected) {
      if (text == "\xc3\xa9") continue;
      EXPECT_FALSE(accepts(automaton, text)) << one.grammar << text;
    }
  }
}

TEST(Gbnf, LeftRecursionIsALoop) {
  const auto direct = must(compiled_gbnf("root ::= root \"+\" t | t\nt ::= [0-9]"));
  for (const char* text : {"1", "1+2", "1+2+3"}) EXPECT_TRUE(accepts(direct, text)) << text;
  for (const char* text : {"", "+", "1+", "+1", "12"}) EXPECT_FALSE(accepts(direct, text)) << text;

  const auto through_others = must(
      compiled_gbnf("root ::= a\na ::= o b \"x\" | \"p\"\nb ::= a \"y\" | \"q\"\no ::= \"-\"?"));
  for (const char* text : {"p", "qx", "pyx", "qxyx", "-qxyx", "--qxyx"}) {
    EXPECT_TRUE(accepts(through_others, text)) << text;
  }
  for (const char* text : {"", "x", "py", "qyx", "-p", "px"}) {
    EXPECT_FALSE(accepts(through_others, text)) << text;
  }
  EXPECT_EQ(error_of(compiled_gbnf("root ::= root")), "the grammar matches no text");
  EXPECT_EQ(error_of(compiled_gbnf("root ::= a \"x\"\na ::= b\nb ::= a")),
            "the grammar matches no text");
}

TEST(Gbnf, RulesThatCannotEndAreLeftOut) {
  const auto automaton = must(compiled_gbnf("root ::= \"a\" | \"b\" never\nnever ::= \"c\" never"));
  auto matcher = Matcher::create(automaton);
  ASSERT_TRUE(matcher);
  EXPECT_FALSE(matcher->advance("b"));
  EXPECT_TRUE(accepts(automaton, "a"));
}

TEST(Gbnf, ErrorsNamePlaceAndReason) {
  const auto expect_error = [](const char* grammar, const std::string& part) {
    EXPECT_NE(error_of(compiled_gbnf(grammar)).find(part), std::string::npos)
        << grammar << " gave: " << error_of(compiled_gbnf(grammar));
  };
  expect_error("root ::= a", "line 1, column 10: the rule a is used and not defined");
  expect_error("root ::= \"a\"\nroot ::= \"b\"",
               "line 2, column 5: the rule root is defined a second");
  expect_error("a ::= \"a\"", "no rule named root");
  expect_error("", "no rule named root");
  expect_error("root ::= \"a", "ends within a literal");
  expect_error("root ::= [a-", "ends within a character class");
  expect_error("root ::= [z-a]", "goes backwards");
  expect_error("root ::= \"\\q\"", "unknown escape");
  expect_error("root ::= \"\\ud800\"", "not a Unicode character");
  expect_error("root ::= \"\\u12\"", "expected 4 hex digits");
  expect_error("root ::= (\"a\"", "expected ) at the end of a group");
  expect_error("root ::= \"a\")", "expected the end of the line");
  expect_error("root = \"a\"", "expected ::= after the rule name root");
  expect_error("root ::= \"a\"{3,2}", "largest count is below");
  expect_error("root ::= \"a\"{99999999999}", "above 1000000000");
  expect_error("root ::= \"a\"{x}", "expected a number for a repetition");
  expect_error("root ::= \"\xff\"", "not valid UTF-8");
  expect_error("root ::= <think>", "no token <think>");
  expect_error("root ::= *", "expected the end of the line");
  EXPECT_EQ(error_of(compiled_gbnf(std::string((1 << 20) + 1, ' '))),
            "the grammar has 1048577 bytes, and at most 1048576 are read");
}

TEST(Gbnf, TokensOfTheVocabulary) {
  const GbnfOptions options{[](std::string_view piece) -> std::optional<std::int32_t> {
    if (piece == "<think>") return 1;
    return std::nullopt;
  }};
  const auto automaton =
      must(compiled(parse_gbnf("root ::= <think> !<[2]>* <[2]> \"ab\"", options)));
  const auto vocabulary = *Vocabulary::create({"a", "", "", "b", "ab", ""}, {5});
  GrammarSession session = *GrammarSession::create(*TokenMask::create(automaton, vocabulary));
  const auto allowed = [&] {
    std::vector<std::int32_t> ids;
    for (std::int32_t id = 0; id < 6; ++id) {
      if (session.allows(id)) ids.push_back(id);
    }
    return ids;
  };
  using Ids = std::vector<std::int32_t>;
  EXPECT_EQ(allowed(), Ids({1}));
  EXPECT_FALSE(session.accept(0));
  EXPECT_TRUE(session.accept(1));
  EXPECT_EQ(allowed(), Ids({0, 1, 2, 3, 4})) << "the end is no token of the text";
  EXPECT_TRUE(session.accept(4));
  EXPECT_TRUE(session.accept(2));
  EXPECT_EQ(allowed(), Ids({0, 4}));
  EXPECT_TRUE(session.accept(0));
  EXPECT_EQ(allowed(), Ids({3}));
  EXPECT_TRUE(session.accept(3));
  EXPECT_EQ(allowed(), Ids({5}));
  EXPECT_TRUE(session.accept(5));
  EXPECT_TRUE(session.ended());
  EXPECT_EQ(allowed(), Ids({}));

  const auto unknown = must(compiled_gbnf("root ::= <[6]>"));
  EXPECT_EQ(TokenMask::create(unknown, vocabulary).error().message,
            "the grammar names token 6, and the vocabulary has 6");
}

}  // namespace
}  // namespace linnet::grammar::test
