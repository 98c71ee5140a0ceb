#include <gtest/gtest.h>
#include <sentencepiece_processor.h>

#include <random>

#include "tokenizer/sentencepiece_model.hpp"
#include "tokenizer/vocabulary_file.hpp"

namespace linnet {
namespace {

using test::Ids;

test::VocabularyFile vocabulary() {
  auto file = test::sentencepiece_vocabulary();
  file.add("▁", PieceType::kNormal, -1);    // 259
  file.add("a", PieceType::kNormal, -2);    // 260
  file.add("b", PieceType::kNormal, -3);    // 261
  file.add("ab", PieceType::kNormal, -1);   // 262
  file.add("▁a", PieceType::kNormal, -5);   // 263
  file.add("▁ab", PieceType::kNormal, -6);  // 264
  return file;
}

TEST(SentencePieceTest, TheHighestScoreMergesFirst) {
  const auto tokenizer = test::make(vocabulary());
  EXPECT_EQ(test::encode(*tokenizer, "ab"), (Ids{264}));
  EXPECT_EQ(test::encode(*tokenizer, "a b"), (Ids{263, 259, 261}));
}

TEST(SentencePieceTest, PutsASpaceBeforeTheTextUnlessTheFileForbidsIt) {
  auto file = vocabulary();
  const auto with_space = test::make(file);
  EXPECT_TRUE(with_space->strips_leading_space());
  EXPECT_EQ(test::decode(*with_space, {264, 263}), "ab a");
  file.flags = {{"add_space_prefix", false}};
  const auto without = test::make(file);
  EXPECT_FALSE(without->strips_leading_space());
  EXPECT_EQ(test::encode(*without, "ab"), (Ids{262}));
  EXPECT_EQ(test::decode(*without, {264}), " ab");
}

TEST(SentencePieceTest, PutsASpaceAfterEachSpecialToken) {
  const auto tokenizer = test::make(vocabulary());
  EXPECT_EQ(test::encode(*tokenizer, "ab</s>ab", {.parse_special = true}), (Ids{264, 2, 264}));
}

TEST(SentencePieceTest, UnknownCharactersAreBytesOrTheUnknownToken) {
  auto file = vocabulary();
  EXPECT_EQ(test::encode(*test::make(file), "é"), (Ids{259, 3 + 0xc3, 3 + 0xa9}));
  test::VocabularyFile small{.model = "llama"};
  small.add("<unk>", PieceType::kUnknown);
  small.add("a");
  small.flags = {{"add_space_prefix", false}};
  EXPECT_EQ(test::encode(*test::make(small), "aéüa"), (Ids{1, 0, 1}));
}

TEST(SentencePieceTest, ARunOfUnknownCharactersIsOneToken) {
  test::VocabularyFile file{.model = "llama"};
  file.add("<unk>", PieceType::kUnknown);
  const TokenId a = file.add("a");
  file.flags = {{"add_space_prefix", false}};
  EXPECT_EQ(test::encode(*test::make(file), "éüaéa漢字é"), (Ids{0, a, 0, a, 0}));
}

TEST(EscapedVocabularyTest, CharactersWithoutATokenAreAnError) {
  for (const char* model : {"llama", "t5", "gemma4"}) {
    test::VocabularyFile file{.model = model};
    file.add("a");
    file.add("b");
    file.add("</s>", PieceType::kControl);
    file.merges = {"a b"};
    file.flags = {{"add_space_prefix", false}};
    file.ids = {{"unknown_token_id", -1}};
    const auto tokenizer = file.make();
    ASSERT_TRUE(tokenizer) << model << tokenizer.error().message;
    EXPECT_EQ(test::encode(**tokenizer, "ab"), (Ids{0, 1})) << model;
    test::expect_no_token(**tokenizer, "abéa", "U+00E9 ('é')");
  }
}

TEST(SentencePieceTest, BeginsWithBosByDefault) {
  auto file = vocabulary();
  EXPECT_EQ(test::encode(*test::make(file), "ab", {.add_special = true}), (Ids{1, 264}));
  file.flags = {{"add_bos_token", false}, {"add_eos_token", true}};
  EXPECT_EQ(test::encode(*test::make(file), "ab", {.add_special = true}), (Ids{264, 2}));
}

TEST(SentencePieceTest, NoControlTokenComesOutOfText) {
  auto file = vocabulary();
  file.flags = {{"add_space_prefix", false}};
  // Pieces from which "</s>" could be put together.
  for (const char* piece : {"<", "/", "s", ">", "</", "s>"}) file.add(piece);
  for (const TokenId id : test::encode(*test::make(file), "</s><s><unk><0x41>")) EXPECT_GT(id, 2);
}

// The library's ids, as the reference.
Ids library_ids(const test::VocabularyFile& file, const std::string& text) {
  const auto opened = file.open();
  EXPECT_TRUE(opened.ok());
  const auto read = Vocabulary::read(*opened, {.bos = 1, .eos = 2, .unknown = 0});
  EXPECT_TRUE(read.ok());
  sentencepiece::SentencePieceProcessor processor;
  EXPECT_TRUE(processor.LoadFromSerializedProto(test::bpe_model(*read, true)).ok());
  Ids ids;
  EXPECT_TRUE(processor.Encode(text, &ids).ok());
  return ids;
}

TEST(SentencePieceTest, AgreesWithTheLibraryOnRandomVocabularies) {
  const std::vector<std::string> characters = {"a", "b", "▁", "é", "漢"};
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    auto file = test::sentencepiece_vocabulary();
    for (int i = 0; i < 60; ++i) {
      std::string piece;
      const int length = 1 + static_cast<int>(random() % 4);
      for (int j = 0; j < length; ++j) piece += characters[random() % characters.size()];
      if (std::count(file.tokens.begin(), file.tokens.end(), piece) > 0) continue;
      const bool unused = random() % 8 == 0;
      // Few different scores: ties must be broken as in the library.
      file.add(piece, unused ? PieceType::kUnused : PieceType::kNormal,
               -static_cast<double>(random() % 6));
    }
    std::string text;
    for (int i = 0; i < 30; ++i) {
      const std::string& character = characters[random() % characters.size()];
      text += character == "▁" ? " " : character;
    }
    ASSERT_EQ(test::encode(*test::make(file), text), library_ids(file, text))
        << "round " << round << ": " << text;
  }
}

TEST(SentencePieceTest, ATextOfOneWordTakesNoAge) {
  auto file = vocabulary();
  file.add("aa", PieceType::kNormal, -1);
  const Ids ids = test::encode(*test::make(file), std::string(1 << 20, 'a'));
  EXPECT_EQ(ids.size(), (1u << 19) + 1);
}

}  // namespace
}  // namespace linnet
