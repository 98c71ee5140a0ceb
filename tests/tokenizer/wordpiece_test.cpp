#include <gtest/gtest.h>

#include "tokenizer/vocabulary_file.hpp"

namespace linnet {
namespace {

using test::Ids;

test::VocabularyFile vocabulary() {
  test::VocabularyFile file{.model = "bert"};
  file.add("[UNK]", PieceType::kControl);  // 0
  file.add("[CLS]", PieceType::kControl);  // 1
  file.add("[SEP]", PieceType::kControl);  // 2
  file.add("▁un");                         // 3
  file.add("aff");                         // 4
  file.add("able");                        // 5
  file.add("▁a");                          // 6
  file.add("▁,");                          // 7
  file.add("▁漢");                         // 8
  file.add("▁i");                          // 9
  file.add("▁A");                          // 10
  file.add("▁$");                          // 11
  file.ids = {{"unknown_token_id", 0}, {"cls_token_id", 1}, {"seperator_token_id", 2}};
  return file;
}

TEST(WordPieceTest, TakesTheLongestPieceAtEachPlace) {
  const auto tokenizer = test::make(vocabulary());
  EXPECT_EQ(test::encode(*tokenizer, "unaffable"), (Ids{3, 4, 5}));
  EXPECT_EQ(test::encode(*tokenizer, "a  un\tun"), (Ids{6, 3, 3}));
  EXPECT_EQ(test::decode(*tokenizer, {3, 4, 5, 6}), "unaffable a");
}

TEST(WordPieceTest, AWordThatCannotBeWrittenIsOneUnknown) {
  const auto tokenizer = test::make(vocabulary());
  EXPECT_EQ(test::encode(*tokenizer, "unaffx a"), (Ids{0, 6}));
  EXPECT_EQ(test::encode(*tokenizer, "able"), (Ids{0}));  // continues a word, begins none
  std::string longest = "un";
  while (longest.size() + 4 <= 100) longest += "able";
  EXPECT_NE(test::encode(*tokenizer, longest), (Ids{0}));
  EXPECT_EQ(test::encode(*tokenizer, longest + "able"), (Ids{0}));
}

TEST(WordPieceTest, AWordHasAtMost100Characters) {
  auto file = vocabulary();
  const TokenId e = file.add("é");
  file.flags = {{"normalizer.strip_accents", false}};
  const auto word = [](int characters) {
    std::string text = "a";
    for (int i = 1; i < characters; ++i) text += "é";
    return text;
  };
  Ids expected(100, e);
  expected[0] = 6;
  EXPECT_EQ(test::encode(*test::make(file), word(100)), expected);
  EXPECT_EQ(test::encode(*test::make(file), word(101)), (Ids{0}));
}

TEST(WordPieceTest, ControlTokensArePartOfNoWord) {
  auto file = vocabulary();
  file.add("xyz", PieceType::kControl);
  EXPECT_EQ(test::encode(*test::make(file), "unxyz a"), (Ids{0, 6}));
}

// All of ASCII's, though Unicode has some of them among the symbols.
TEST(WordPieceTest, EachSignOfAsciiStandsAlone) {
  auto file = vocabulary();
  for (const char sign : std::string_view("!\"#%&'()*+-./:;<=>?@[\\]^_`{|}~")) {
    const TokenId token = file.add(std::string("▁") + sign);
    EXPECT_EQ(test::encode(*test::make(file), std::string("un") + sign + "un"), (Ids{3, token, 3}));
  }
}

TEST(WordPieceTest, PunctuationAndHanStandAlone) {
  const auto tokenizer = test::make(vocabulary());
  EXPECT_EQ(test::encode(*tokenizer, "a,a$漢漢a"), (Ids{6, 7, 6, 11, 8, 8, 6}));
}

TEST(WordPieceTest, LowersAndStripsAccentsUnlessTheFileSaysOtherwise) {
  auto file = vocabulary();
  EXPECT_EQ(test::encode(*test::make(file), "Á İ A\u0301"), (Ids{6, 9, 6}));
  file.flags = {{"normalizer.lowercase", false}};
  EXPECT_EQ(test::encode(*test::make(file), "A a Á"), (Ids{10, 6, 0}));
  file.flags = {{"normalizer.lowercase", false}, {"normalizer.strip_accents", true}};
  EXPECT_EQ(test::encode(*test::make(file), "Á"), (Ids{10}));
}

TEST(WordPieceTest, DropsControlCharacters) {
  const auto tokenizer = test::make(vocabulary());
  EXPECT_EQ(test::encode(*tokenizer, "u\x0b\x0c\u0085n un\ta\n"), (Ids{3, 3, 6}));
  EXPECT_EQ(test::encode(*tokenizer, std::string("u\0n\u200d\ufffd", 10).c_str()), (Ids{0}));
  EXPECT_EQ(test::encode(*tokenizer, std::string_view("u\0n\u200d\ufffd", 9)), (Ids{3}));
}

TEST(WordPieceTest, StandsBetweenClsAndSep) {
  auto file = vocabulary();
  EXPECT_EQ(test::encode(*test::make(file), "a", {.add_special = true}), (Ids{1, 6, 2}));
  file.flags = {{"add_bos_token", false}, {"add_eos_token", true}, {"add_sep_token", false}};
  EXPECT_EQ(test::encode(*test::make(file), "a", {.add_special = true}), (Ids{1, 6, 2}));
}

TEST(WordPieceTest, SpecialTokensAreTextUnlessAskedFor) {
  const auto tokenizer = test::make(vocabulary());
  EXPECT_EQ(test::encode(*tokenizer, "a[SEP]a", {.parse_special = true}), (Ids{6, 2, 6}));
  for (const TokenId id : test::encode(*tokenizer, "[SEP]")) EXPECT_NE(id, 2);
}

}  // namespace
}  // namespace linnet
