#include "grammar/automata/combine.hpp"

#include <gtest/gtest.h>

#include "grammar/gbnf.hpp"
#include "grammar/grammar_support.hpp"
#include "grammar/schema/json_schema.hpp"

namespace linnet::grammar {
namespace {

using test::accepts;

test::AutomatonPointer compiled(const Grammar& grammar) {
  return test::must(PushdownAutomaton::compile(grammar));
}

Grammar grammar_of(Expression body) { return {{{"root", std::move(body)}}, 0}; }

TEST(TextWithout, AWordDoesNotOccur) {
  const auto automaton = compiled(grammar_of(text_without("aab")));
  for (const char* text : {"", "a", "aa", "aaa", "aba", "ab", "b", "aaxab", "äaé"}) {
    EXPECT_TRUE(accepts(automaton, text)) << text;
  }
  for (const char* text : {"aab", "aaab", "xaaby", "ababaab"}) {
    EXPECT_FALSE(accepts(automaton, text)) << text;
  }
}

TEST(TextWithout, WordsMayHaveAnyCharacters) {
  const auto automaton = compiled(grammar_of(text_without("</｜x｜>")));
  EXPECT_TRUE(accepts(automaton, "</｜x｜"));
  EXPECT_TRUE(accepts(automaton, "<</｜x>"));
  EXPECT_FALSE(accepts(automaton, "a</｜x｜>"));
  EXPECT_FALSE(accepts(automaton, "<</｜x｜>"));
}

// One of them may begin within another, and end there.
TEST(TextWithout, NoneOfSeveralWordsOccurs) {
  const std::vector<std::string> words = {">>>f\n", ">>>fe\n", "abcd", "bce", "c!", "xyz", "xy"};
  const auto automaton = compiled(grammar_of(text_without(words)));
  for (const char* text :
       {"", ">>>f", ">>>fee\n", ">>f\n", "abc", "abcbc", "bcd", "c", "x", "xx", "yz"}) {
    EXPECT_TRUE(accepts(automaton, text)) << text;
  }
  for (const char* text : {">>>f\n", ">>>>fe\n", "a>>>f>>>fe\n", "abcd", "abce", "abc!", "bc!",
                           "xyz", "xxy", "ababcd"}) {
    EXPECT_FALSE(accepts(automaton, text)) << text;
  }
  EXPECT_TRUE(accepts(compiled(grammar_of(text_without(std::vector<std::string>{}))), "any\n"));
}

TEST(AppendGrammar, RulesKeepTheirNumbersApart) {
  const auto first = parse_gbnf("root ::= \"a\" rest\nrest ::= \"b\" rest | \"c\"");
  const auto second = parse_gbnf("root ::= other+\nother ::= \"x\" | \"(\" root \")\"");
  ASSERT_TRUE(first.ok() && second.ok());
  Grammar both;
  Expression one = append_grammar(*first, both);
  Expression two = append_grammar(*second, both);
  both.root = static_cast<std::uint32_t>(both.rules.size());
  both.rules.push_back({"both", sequence({std::move(one), std::move(two)})});
  const auto automaton = compiled(both);
  for (const char* text : {"acx", "abbbc(x)", "abcx(xx)"}) EXPECT_TRUE(accepts(automaton, text));
  for (const char* text : {"ac", "x", "acb", "a(x)", "acxc"}) {
    EXPECT_FALSE(accepts(automaton, text)) << text;
  }
}

// A list is a graph, whose edges call rules.
TEST(AppendGrammar, GraphsCallTheirOwnRules) {
  const auto before = parse_gbnf("root ::= other other\nother ::= \"x\"");
  const auto schema = compile_json_schema(*parse_schema_json(
      R"({"type":"array","prefixItems":[{"type":"array","items":{"type":"boolean"}},true]})"));
  ASSERT_TRUE(before.ok() && schema.ok());
  Grammar both;
  Expression one = append_grammar(*before, both);
  Expression two = append_grammar(schema->grammar, both);
  both.root = static_cast<std::uint32_t>(both.rules.size());
  both.rules.push_back({"both", sequence({std::move(one), std::move(two)})});
  const auto automaton = compiled(both);
  for (const char* text : {"xx[]", "xx[[true,false]]", R"(xx[[],{"a":[1]}])"}) {
    EXPECT_TRUE(accepts(automaton, text)) << text;
  }
  for (const char* text : {"xx", "[]", "xx[x]", "xx[[1]]"}) {
    EXPECT_FALSE(accepts(automaton, text)) << text;
  }
}

}  // namespace
}  // namespace linnet::grammar
