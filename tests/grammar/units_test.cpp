#include "grammar/automata/character_set.hpp"
#include "grammar/automata/finite_automaton.hpp"
#include "grammar/automata/nfa.hpp"
#include "grammar/grammar_support.hpp"
#include "grammar/schema/decimal.hpp"
#include "grammar/utf8.hpp"

namespace linnet::grammar::test {
namespace {

TEST(CharacterSets, RangesStaySortedAndApart) {
  CharacterSet set(U'm', U'p');
  set.add(U'a', U'c');
  set.add(U'd', U'e');
  set.add(U'z', U'z');
  set.add(U'o', U'y');
  using Ranges = std::vector<CharacterRange>;
  EXPECT_EQ(Ranges(set.ranges().begin(), set.ranges().end()), Ranges({{U'a', U'e'}, {U'm', U'z'}}));
  EXPECT_TRUE(set.contains(U'n'));
  EXPECT_FALSE(set.contains(U'f'));
  EXPECT_EQ(set.complement().complement(), set);
  EXPECT_TRUE(set.intersection(set.complement()).empty());
  EXPECT_FALSE(CharacterSet::all().contains(0xd800));
  EXPECT_TRUE(CharacterSet::all().complement().empty());
  EXPECT_EQ(CharacterSet(0xd000, 0xe000).ranges().size(), 2u);
}

TEST(Utf8, InvalidBytesAreRefused) {
  for (const char* text :
       {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe6\x97", "\x80", "\xff"}) {
    EXPECT_FALSE(to_characters(text)) << text;
  }
  EXPECT_EQ(to_characters("é日😀"), U"é日😀");
}

TEST(Utf8, SequencesSpellExactlyTheRange) {
  for (const CharacterRange range :
       {CharacterRange{0, 0x10ffff}, CharacterRange{0x7e, 0x801}, CharacterRange{0xe9, 0xe9},
        CharacterRange{0xfff0, 0x10010}, CharacterRange{0x1f5ff, 0x1f64f}}) {
    std::uint64_t count = 0;
    for (const ByteSequence& sequence : utf8_sequences(range)) {
      std::uint64_t product = 1;
      for (int i = 0; i < sequence.length; ++i) {
        product *= sequence.ranges[i].last - sequence.ranges[i].first + 1u;
      }
      count += product;
    }
    EXPECT_EQ(count, range.last - range.first + 1u);
  }
}

TEST(Decimals, AreExact) {
  const auto decimal = [](const char* text) { return *to_decimal(SchemaJson::parse(text)); };
  EXPECT_EQ(decimal("-12.50"), (Decimal{true, "12", "5"}));
  EXPECT_EQ(decimal("1e3"), (Decimal{false, "1000", ""}));
  EXPECT_EQ(decimal("2.5e-3"), (Decimal{false, "0", "0025"}));
  EXPECT_EQ(decimal("-0.0"), (Decimal{false, "0", ""}));
  EXPECT_EQ(decimal("0.1"), (Decimal{false, "0", "1"}));
  EXPECT_EQ(decimal("9007199254740993"), (Decimal{false, "9007199254740993", ""}));
  EXPECT_LT(decimal("-2"), decimal("-1.5"));
  EXPECT_LT(decimal("-0.5"), decimal("0"));
  EXPECT_LT(decimal("9"), decimal("10"));
  EXPECT_LT(decimal("1.5"), decimal("1.51"));
  EXPECT_FALSE(to_decimal(SchemaJson("1")));
}

TEST(FiniteAutomata, SetOperations) {
  const auto automaton = [](const char* pattern) { return *compile_whole_pattern(pattern); };
  const auto even = automaton("(..)*"), letters = automaton("[ab]*");
  const auto both = *intersect(even, letters, {});
  EXPECT_TRUE(accepts(both, U"abba"));
  EXPECT_FALSE(accepts(both, U"aba"));
  EXPECT_FALSE(accepts(both, U"ac"));
  EXPECT_TRUE(accepts(complement(both), U"aba"));
  EXPECT_TRUE(accepts(complement(both), U"\n"));
  EXPECT_FALSE(accepts(complement(both), U"ab"));
  EXPECT_TRUE(is_empty(*intersect(both, complement(both), {})));
  EXPECT_FALSE(is_empty(complement(FiniteAutomaton{})));
}

TEST(FiniteAutomata, EdgesAreLimitedOverAllBuilds) {
  CharacterSet three(U'a');
  three.add(U'c', U'c');
  three.add(U'e', U'e');
  NfaBuilder builder(Alphabet::kCharacters, {.states = 100, .edges = 10});
  EXPECT_TRUE(builder.build(repeat(characters(three), 2, 2)));
  EXPECT_FALSE(builder.build(repeat(characters(three), 2, 2)));
}

TEST(FiniteAutomata, EqualStatesAreMerged) {
  EXPECT_EQ(compile_whole_pattern("(a|b)(c|d)|[ab][cd]")->states.size(), 3u);
  EXPECT_EQ(compile_whole_pattern("[ab]*")->states.size(), 1u);
}

}  // namespace
}  // namespace linnet::grammar::test
