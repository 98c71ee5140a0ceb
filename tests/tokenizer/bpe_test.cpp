#include <gtest/gtest.h>

#include <thread>

#include "tokenizer/vocabulary_file.hpp"

namespace linnet {
namespace {

using test::Ids;

TEST(BpeTest, MergesInTheOrderOfTheList) {
  // "he" comes before "th", so "the" is t + he.
  const auto tokenizer = test::make(test::byte_level_vocabulary({{"h", "e"}, {"t", "h"}}));
  EXPECT_EQ(test::encode(*tokenizer, "the"), (Ids{'t', 256}));
  EXPECT_EQ(test::encode(*tokenizer, "th"), (Ids{257}));
}

TEST(BpeTest, OfEqualPairsTheLeftmostMergesFirst) {
  const auto tokenizer = test::make(test::byte_level_vocabulary({{"a", "a"}}));
  EXPECT_EQ(test::encode(*tokenizer, "aaa"), (Ids{256, 'a'}));
  EXPECT_EQ(test::encode(*tokenizer, "aaaaa"), (Ids{256, 256, 'a'}));
}

TEST(BpeTest, DoesNotMergeAcrossWords) {
  const auto tokenizer = test::make(test::byte_level_vocabulary({{"a", " "}, {" ", "b"}}));
  EXPECT_EQ(test::encode(*tokenizer, "a b"), (Ids{'a', 257}));
}

TEST(BpeTest, ARepeatedWordGivesTheSameIds) {
  const auto tokenizer =
      test::make(test::byte_level_vocabulary({{"c", "a"}, {"ca", "t"}, {" ", "cat"}}));
  std::string text;
  Ids expected;
  for (int i = 0; i < 1000; ++i) {
    text += " cat";
    expected.push_back(258);
  }
  EXPECT_EQ(test::encode(*tokenizer, text), expected);
}

TEST(BpeTest, SomePreTokenizersTakeWholeWordsBeforeMerges) {
  auto file = test::byte_level_vocabulary({{"a", "b"}}, "llama-bpe");
  const TokenId word = file.add("abc");  // no merge leads to it
  EXPECT_EQ(test::encode(*test::make(file), "abc"), (Ids{word}));
  file.pre = "qwen2";
  EXPECT_EQ(test::encode(*test::make(file), "abc"), (Ids{256, 'c'}));
}

TEST(BpeTest, WritesAnyBytes) {
  const auto tokenizer = test::make(test::byte_level_vocabulary({{"\xc3", "\xa9"}}));
  EXPECT_EQ(test::encode(*tokenizer, "é"), (Ids{256}));
  const std::string text("a\0b\x7f漢🦆\r\n\t", 14);
  EXPECT_EQ(test::decode(*tokenizer, test::encode(*tokenizer, text)), text);
}

// Hugging Face's library and llama.cpp leave them out.
TEST(BpeTest, BytesWithoutATokenAreUnknownOrAnError) {
  auto file = test::byte_level_vocabulary({{"a", "b"}});
  file.tokens['Z'] = "gone";
  file.tokens[0xa6] = "gone, too";  // of U+1F986
  test::expect_no_token(*test::make(file), "abZ", "U+005A ('Z')");
  test::expect_no_token(*test::make(file), "ab🦆a", "U+1F986 ('🦆')");
  EXPECT_EQ(test::encode(*test::make(file), "aba"), (Ids{256, 'a'}));
  file.ids = {{"unknown_token_id", 'q'}};
  EXPECT_EQ(test::encode(*test::make(file), "abZ"), (Ids{256, 'q'}));
}

TEST(BpeTest, SeveralThreadsMayUseOneTokenizer) {
  const auto tokenizer = test::make(test::byte_level_vocabulary({{"a", "b"}}, "qwen2"));
  const std::string text = "ab e\u0301 ab 123 ab\n ab";
  const Ids expected = test::encode(*tokenizer, text);
  std::vector<Ids> results(4);
  std::vector<std::thread> threads;
  for (Ids& result : results) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) result = tokenizer->encode(text, {}).value();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Ids& result : results) EXPECT_EQ(result, expected);
}

TEST(BpeTest, RefusesTextThatIsNotUtf8) {
  const auto tokenizer = test::make(test::byte_level_vocabulary({}));
  for (const std::string_view text : {"\xff", "a\xc3", "\xed\xa0\x80", "\xc0\x80"}) {
    EXPECT_FALSE(tokenizer->encode(text, {}).ok());
  }
}

TEST(BpeTest, NormalisesWhereTheModelDoes) {
  auto file = test::byte_level_vocabulary({{"\xc3", "\xa9"}}, "qwen2");
  EXPECT_EQ(test::encode(*test::make(file), "e\u0301"), (Ids{256}));
  file.pre = "llama-bpe";
  EXPECT_EQ(test::encode(*test::make(file), "e\u0301"), (Ids{'e', 0xcc, 0x81}));
}

TEST(BpeTest, AddsBosAndEosAsTheFileSays) {
  auto file = test::byte_level_vocabulary({}, "llama-bpe");
  const TokenId bos = file.add("<s>", PieceType::kControl);
  const TokenId eos = file.add("<|eot_id|>", PieceType::kControl);
  file.ids = {{"bos_token_id", bos}, {"eos_token_id", eos}};
  EXPECT_EQ(test::encode(*test::make(file), "a", {.add_special = true}), (Ids{bos, 'a'}));
  EXPECT_EQ(test::encode(*test::make(file), "a"), (Ids{'a'}));
  file.flags = {{"add_bos_token", false}, {"add_eos_token", true}};
  const auto tokenizer = test::make(file);
  EXPECT_EQ(test::encode(*tokenizer, "a", {.add_special = true}), (Ids{'a', eos}));
  EXPECT_TRUE(tokenizer->is_end_of_generation(eos));
  EXPECT_FALSE(tokenizer->is_end_of_generation(bos));
  EXPECT_FALSE(tokenizer->is_end_of_generation(-1));
}

TEST(BpeTest, ASeparatorComesBetweenTextsAndNotAfterOne) {
  auto file = test::byte_level_vocabulary({}, "roberta-bpe");
  const TokenId begin = file.add("<s>", PieceType::kControl);
  const TokenId end = file.add("</s>", PieceType::kControl);
  file.ids = {{"bos_token_id", begin}, {"eos_token_id", end}, {"seperator_token_id", end}};
  file.flags = {{"add_bos_token", true}, {"add_eos_token", true}, {"add_sep_token", true}};
  EXPECT_EQ(test::encode(*test::make(file), "a", {.add_special = true}), (Ids{begin, 'a', end}));
  EXPECT_EQ(test::make(file)->around().between, (Ids{end, end}));
  file.flags.pop_back();  // as in older files
  EXPECT_EQ(test::make(file)->around().between, (Ids{end, end}));
  file.flags.emplace_back("add_sep_token", false);
  EXPECT_EQ(test::make(file)->around().between, (Ids{end}));
}

TEST(BpeTest, AnUnknownPreTokenizerIsAnErrorThatNamesIt) {
  auto file = test::byte_level_vocabulary({}, "nobody-knows");
  const auto result = file.make();
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find("'nobody-knows'"), std::string::npos);
  EXPECT_NE(result.error().message.find("--pre"), std::string::npos);
  EXPECT_NE(result.error().message.find("default, gpt-2, phi-2,"), std::string::npos);
  EXPECT_TRUE(file.make("qwen2").ok());
  EXPECT_FALSE(file.make("also-unknown").ok());
  file.pre.reset();
  EXPECT_FALSE(file.make().ok());
  EXPECT_TRUE(file.make("default").ok());
}

TEST(BpeTest, AFileWithoutMergesIsAnError) {
  auto file = test::byte_level_vocabulary({});
  file.merges.clear();
  EXPECT_FALSE(file.make().ok());
}

TEST(BpeTest, KimiMergesInTheOrderOfIdsWithoutAList) {
  auto file = test::byte_level_vocabulary({{"b", "c"}, {"a", "b"}, {"a", "bc"}}, "kimi-k2");
  file.merges.clear();
  EXPECT_EQ(test::encode(*test::make(file), "abc"), (Ids{258}));
  EXPECT_EQ(test::encode(*test::make(file), "ab"), (Ids{257}));
}

// Pieces with escaped spaces, as gemma 4 has them.
test::VocabularyFile gemma_vocabulary() {
  auto file = test::sentencepiece_vocabulary("gemma4");
  for (const char* piece : {"a", "b", "▁", "\n"}) file.add(piece);  // 259 to 262
  file.add("▁a");                                                   // 263
  file.add("▁▁");                                                   // 264
  file.add("\n\n");                                                 // 265
  file.add("▁a▁");                                                  // 266
  file.merges = {"▁ ▁", "▁ a", "\n \n", "▁a ▁"};
  file.ids = {{"bos_token_id", 1}, {"eos_token_id", 2}};
  return file;
}

TEST(EscapedBpeTest, SpacesArePartOfThePieces) {
  const auto tokenizer = test::make(gemma_vocabulary());
  EXPECT_EQ(test::encode(*tokenizer, "a a"), (Ids{259, 263}));
  EXPECT_EQ(test::encode(*tokenizer, "  a"), (Ids{264, 259}));
  EXPECT_EQ(test::encode(*tokenizer, "\n\n\nb"), (Ids{265, 262, 260}));
  // A piece that spans two words: the text may not be cut between them.
  EXPECT_EQ(test::encode(*tokenizer, "b a b"), (Ids{260, 266, 260}));
}

TEST(EscapedBpeTest, UnknownCharactersAreBytes) {
  const auto tokenizer = test::make(gemma_vocabulary());
  EXPECT_EQ(test::encode(*tokenizer, "é"), (Ids{3 + 0xc3, 3 + 0xa9}));
  const std::string text = " a 漢b\n\n a";
  EXPECT_EQ(test::decode(*tokenizer, test::encode(*tokenizer, text)), text);
}

// As converters write them that take the vocabulary for one of bytes.
TEST(EscapedBpeTest, BytesMayBeTypedAsNormalPieces) {
  auto file = gemma_vocabulary();
  for (PieceType& type : file.types) {
    if (type == PieceType::kByte) type = PieceType::kNormal;
  }
  const auto tokenizer = test::make(file);
  EXPECT_EQ(test::encode(*tokenizer, "é"), (Ids{3 + 0xc3, 3 + 0xa9}));
  EXPECT_EQ(test::decode(*tokenizer, Ids{3 + 0xc3, 3 + 0xa9}), "é");
}

TEST(EscapedBpeTest, AlwaysBeginsWithBos) {
  auto file = gemma_vocabulary();
  file.flags = {{"add_bos_token", false}};
  EXPECT_EQ(test::encode(*test::make(file), "b", {.add_special = true}), (Ids{1, 260}));
}

}  // namespace
}  // namespace linnet
