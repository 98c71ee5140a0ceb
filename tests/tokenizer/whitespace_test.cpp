#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tokenizer/vocabulary_file.hpp"

namespace linnet {
namespace {

using test::Ids;

test::VocabularyFile vocabulary() {
  test::VocabularyFile file{.model = "whitespace"};
  file.add("<unk>", PieceType::kControl);  // 0
  file.add("a");                           // 1
  file.add("b");                           // 2
  file.add("ab");                          // 3
  file.add("中");                          // 4
  file.add("中ab");                        // 5
  file.add("A");                           // 6
  file.merges = {"a b", "中 ab"};
  file.pre = "whitespace";
  file.ids = {{"unknown_token_id", 0}};
  return file;
}

TEST(WhitespaceTest, MergesCharactersWithinWordsAndDropsWhatIsBetween) {
  const auto tokenizer = test::make(vocabulary());
  EXPECT_EQ(test::encode(*tokenizer, "ab  中ab\t\u3000b a\n"), (Ids{3, 5, 2, 1}));
  EXPECT_EQ(test::encode(*tokenizer, " \n "), (Ids{}));
}

TEST(WhitespaceTest, WhatIsNoPieceIsUnknown) {
  const auto tokenizer = test::make(vocabulary());
  EXPECT_EQ(test::encode(*tokenizer, "a文a"), (Ids{1, 0, 1}));
}

TEST(WhitespaceTest, LowersTheCaseWhereTheFileSaysSo) {
  auto file = vocabulary();
  EXPECT_EQ(test::encode(*test::make(file), "Ab AB"), (Ids{6, 2, 6, 0}));
  file.flags = {{"normalizer.lowercase", true}};
  EXPECT_EQ(test::encode(*test::make(file), "Ab AB"), (Ids{3, 3}));
}

TEST(WhitespaceTest, APreTokenizerThatNobodyWouldUseIsRefused) {
  for (const auto& file : {vocabulary(), test::sentencepiece_vocabulary()}) {
    const auto refused = file.make("gpt-2");
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, testing::HasSubstr("'gpt-2' was asked for"));
  }
}

}  // namespace
}  // namespace linnet
