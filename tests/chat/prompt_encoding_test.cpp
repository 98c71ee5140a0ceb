#include "chat/prompt_encoding.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/processor_time.hpp"
#include "tokenizer/vocabulary_file.hpp"

namespace linnet {
namespace {

using test::byte_level_vocabulary;
using test::Ids;
using testing::ElementsAre;
using testing::IsEmpty;

// Bytes are tokens 0 to 255, "ab" is 256; <|end|> is 257.
std::unique_ptr<Tokenizer> make_tokenizer() {
  auto file = byte_level_vocabulary({{"a", "b"}});
  file.add("<|end|>", PieceType::kControl);
  return test::make(file);
}

Prompt prompt_of(std::string text, std::vector<ByteRange> data = {}) {
  Prompt prompt;
  prompt.text = std::move(text);
  prompt.data = std::move(data);
  return prompt;
}

Ids encoded(const ConversationTokens& known, const Tokenizer& tokenizer, const Prompt& prompt) {
  const auto ids = known.encode(tokenizer, prompt);
  EXPECT_TRUE(ids.ok());
  return ids ? *ids : Ids{};
}

TEST(EncodePrompt, SpecialTokensAreThoseOfTheTemplate) {
  const auto tokenizer = make_tokenizer();
  const auto ids = encode_prompt(*tokenizer, prompt_of("<|end|>x<|end|>", {{0, 7}}));
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(ids->size(), 7u + 1 + 1);
  EXPECT_EQ(ids->back(), 257);
}

// A template that writes the token that begins a text means it, also where texts get none.
TEST(SpecialTextsTest, AreThoseThatTheVocabularyNames) {
  auto file = byte_level_vocabulary({});
  const TokenId begin = file.add("<s>", PieceType::kControl);
  const TokenId end = file.add("</s>", PieceType::kControl);
  const auto texts = [&] {
    const auto result = special_texts(*test::make(file));
    EXPECT_TRUE(result.ok());
    return result.value();
  };
  EXPECT_EQ(texts().bos, "");
  EXPECT_EQ(texts().eos, "");
  file.ids = {{"bos_token_id", begin}, {"eos_token_id", end}};
  file.flags = {{"add_bos_token", true}, {"add_eos_token", true}};
  EXPECT_EQ(texts().bos, "<s>");
  EXPECT_EQ(texts().added_bos, "<s>");
  EXPECT_EQ(texts().eos, "</s>");
  file.flags = {{"add_bos_token", false}, {"add_eos_token", true}};
  EXPECT_EQ(texts().bos, "<s>");
  EXPECT_EQ(texts().added_bos, "");
  EXPECT_EQ(texts().eos, "</s>");
}

MarkedTokens picture() {
  return {"<picture 1>", {{"<|end|>", {900, 901}}, {"-", {902}}}, "<|end|>"};
}

TEST(EncodePrompt, PicturesStandWhereTheirMarkersAre) {
  const auto tokenizer = make_tokenizer();
  const MarkedTokens marked = picture();
  const MarkedTokens* const pictures[] = {&marked};
  const auto ids = encode_prompt(
      *tokenizer, prompt_of("ab<picture 1>ab<|end|><picture 1>x", {{2, 22}}), pictures);
  ASSERT_TRUE(ids.ok());
  // The special tokens around a picture are some, what a user writes is text.
  Ids expected = {256, 257, 900, 901, '-', 902, 257, 256};
  for (const char c : std::string("<|end|>")) expected.push_back(c);
  for (const TokenId id : {257, 900, 901, int{'-'}, 902, 257, int{'x'}}) expected.push_back(id);
  EXPECT_EQ(*ids, expected);
}

TEST(EncodePrompt, AMarkerOfNoPictureIsText) {
  const auto tokenizer = make_tokenizer();
  const auto ids = encode_prompt(*tokenizer, prompt_of("<picture 1>"));
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(ids->size(), 11u);
}

TEST(ConversationTokens, KeepPicturesToo) {
  const auto tokenizer = make_tokenizer();
  const MarkedTokens marked = picture();
  const MarkedTokens* const pictures[] = {&marked};
  ConversationTokens known;
  known.remember("<picture 1>ab", {257, 900, 901, '-', 902, 257, 'a', 'b'});
  const auto ids = known.encode(*tokenizer, prompt_of("<picture 1>ab<|end|><picture 1>"), pictures);
  ASSERT_TRUE(ids.ok());
  EXPECT_THAT(
      *ids, ElementsAre(257, 900, 901, '-', 902, 257, 'a', 'b', 257, 257, 900, 901, '-', 902, 257));
}

TEST(ConversationTokens, KeepTheTokensThatWereDrawn) {
  const auto tokenizer = make_tokenizer();
  ConversationTokens known;
  known.remember("xab", {'x', 'a', 'b'});  // where the vocabulary has "ab"
  EXPECT_THAT(encoded(known, *tokenizer, prompt_of("xab<|end|>ab")),
              ElementsAre('x', 'a', 'b', 257, 256));
}

TEST(ConversationTokens, DoNotCutWhereATokenMayReachAcross) {
  const auto tokenizer = make_tokenizer();
  ConversationTokens known;
  known.remember("xa", {'x', 'a'});
  EXPECT_THAT(encoded(known, *tokenizer, prompt_of("xab")), ElementsAre('x', 256));
  // What the person writes is no control token.
  EXPECT_EQ(encoded(known, *tokenizer, prompt_of("xa<|end|>", {{2, 9}})).size(), 9u);
}

TEST(ConversationTokens, KeepThoseBeforeTheLastCommonBorder) {
  const auto tokenizer = make_tokenizer();
  ConversationTokens known;
  known.remember("ab, ab ba", {'a', 'b', ',', ' ', 'a', 'b', ' ', 'b', 'a'});
  EXPECT_THAT(encoded(known, *tokenizer, prompt_of("ab, ab babab")),
              ElementsAre('a', 'b', ',', ' ', 'a', 'b', ' ', 'b', 256, 256));
  EXPECT_THAT(encoded(known, *tokenizer, prompt_of("ab, ab bab", {{7, 10}})),
              ElementsAre('a', 'b', ',', ' ', 'a', 'b', ' ', 'b', 256));
}

TEST(ConversationTokens, KeepAControlTokenThatWasDrawnAndNotShown) {
  const auto tokenizer = make_tokenizer();
  ConversationTokens known;
  known.remember("<|end|>ab, ab", {257, 'a', 'b', ',', 257, ' ', 256});
  EXPECT_THAT(encoded(known, *tokenizer, prompt_of("<|end|>ab, ab.")),
              ElementsAre(257, 'a', 'b', ',', 257, ' ', 256, '.'));
}

// The text of a byte that is no character has other bytes: such a token is kept with its whole
// answer, but there is no border behind it.
TEST(ConversationTokens, TokensThatDoNotSpellTheText) {
  const auto tokenizer = make_tokenizer();
  ConversationTokens known;
  known.remember("ab\ufffd", {'a', 'b', 0xff});
  EXPECT_THAT(encoded(known, *tokenizer, prompt_of("ab\ufffd<|end|>")),
              ElementsAre('a', 'b', 0xff, 257));
  EXPECT_THAT(encoded(known, *tokenizer, prompt_of("ab\ufffdc")),
              ElementsAre('a', 'b', 0xef, 0xbf, 0xbd, 'c'));
}

TEST(ConversationTokens, EarlierAnswersStayWhereTheLatestIsTakenBack) {
  const auto tokenizer = make_tokenizer();
  ConversationTokens known;
  known.remember("xab", {'x', 'a', 'b'});
  known.remember("xab<|end|>yab", {'x', 'a', 'b', 257, 'y', 'a', 'b'});
  EXPECT_THAT(encoded(known, *tokenizer, prompt_of("xab<|end|>yab<|end|>")),
              ElementsAre('x', 'a', 'b', 257, 'y', 'a', 'b', 257));
  EXPECT_THAT(encoded(known, *tokenizer, prompt_of("xab<|end|>ab")),
              ElementsAre('x', 'a', 'b', 257, 256));
}

TEST(ConversationTokens, AnotherTextIsEncodedAnew) {
  const auto tokenizer = make_tokenizer();
  ConversationTokens known;
  known.remember("xab", {'x', 'a', 'b'});
  EXPECT_THAT(encoded(known, *tokenizer, prompt_of("yab<|end|>")), ElementsAre('y', 256, 257));
  EXPECT_THAT(encoded(known, *tokenizer, prompt_of("xba")), ElementsAre('x', 'b', 'a'));
}

TEST(UnknownMarkers, AreThoseThatTheTemplateWritesInVain) {
  const auto tokenizer = make_tokenizer();
  const Prompt prompt = prompt_of("<|user|>hi <|mine|><|end|><|user|> a <| b |>", {{8, 19}});
  EXPECT_THAT(unknown_markers(*tokenizer, prompt), ElementsAre("<|user|>"));
  EXPECT_THAT(unknown_markers(*tokenizer, prompt_of("<|end|> <|")), IsEmpty());
}

// They took quadratic time: with 80,000 of them `linnet chat` did not begin for half a minute.
TEST(UnknownMarkers, ManyOfThemTakeNoTime) {
  constexpr int kCount = 400'000;
  const auto tokenizer = make_tokenizer();
  std::string opened, distinct, written;
  std::vector<ByteRange> data;
  for (int i = 0; i < kCount; ++i) {
    opened += "<|";
    distinct += fmt::format("<|{}|>", i);
    data.push_back({written.size() + 2, written.size() + 3});
    written += "<|a|>";
  }
  opened += std::string(80, 'a') + "|>";
  const double start_s = test::processor_time_s();
  EXPECT_THAT(unknown_markers(*tokenizer, prompt_of(opened)), IsEmpty());
  EXPECT_EQ(unknown_markers(*tokenizer, prompt_of(distinct)).size(), kMostUnknownMarkers);
  EXPECT_THAT(unknown_markers(*tokenizer, prompt_of(written, data)), IsEmpty());
  EXPECT_LT(test::processor_time_s() - start_s, 20);
}

}  // namespace
}  // namespace linnet
