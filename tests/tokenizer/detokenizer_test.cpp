#include <gtest/gtest.h>

#include "base/utf8.hpp"
#include "tokenizer/vocabulary_file.hpp"

namespace linnet {
namespace {

class DetokenizerTest : public ::testing::Test {
 protected:
  std::unique_ptr<Tokenizer> tokenizer_ = test::make(test::byte_level_vocabulary({}));
};

TEST_F(DetokenizerTest, HoldsBackHalfACharacter) {
  Detokenizer detokenizer(*tokenizer_);
  const std::string duck = "🦆";
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(detokenizer.push(static_cast<unsigned char>(duck[i])), "");
  }
  EXPECT_EQ(detokenizer.push(static_cast<unsigned char>(duck[3])), duck);
  EXPECT_EQ(detokenizer.finish(), "");
}

TEST_F(DetokenizerTest, WhatCannotBecomeACharacterIsReplaced) {
  Detokenizer detokenizer(*tokenizer_);
  EXPECT_EQ(detokenizer.push(0xff), kReplacement);
  EXPECT_EQ(detokenizer.push(0xe6), "");
  EXPECT_EQ(detokenizer.push('a'), std::string(kReplacement) + "a");
  EXPECT_EQ(detokenizer.push(0xf0), "");
  EXPECT_EQ(detokenizer.finish(), kReplacement);
  EXPECT_EQ(detokenizer.finish(), "");
  // A surrogate and an overlong form.
  for (const int byte : {0xed, 0xa0, 0x80}) detokenizer.push(byte);
  EXPECT_EQ(detokenizer.push('b'), "b");
}

TEST_F(DetokenizerTest, AllTextsOfTwoBytesComeOutValid) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      Detokenizer detokenizer(*tokenizer_);
      std::string text = detokenizer.push(first);
      text += detokenizer.push(second);
      text += detokenizer.finish();
      ASSERT_TRUE(is_valid_utf8(text)) << first << ' ' << second;
      ASSERT_FALSE(text.empty());
    }
  }
}

TEST_F(DetokenizerTest, TheSpaceOfTheFirstTokenGoesAtTheStartOnly) {
  auto file = test::sentencepiece_vocabulary();
  const TokenId word = file.add("▁a");
  const auto tokenizer = test::make(file);
  Detokenizer start(*tokenizer), middle(*tokenizer, /*at_start=*/false);
  EXPECT_EQ(start.push(word), "a");
  EXPECT_EQ(start.push(word), " a");
  EXPECT_EQ(middle.push(word), " a");
}

}  // namespace
}  // namespace linnet
