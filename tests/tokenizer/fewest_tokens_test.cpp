// How few tokens a text may become, told by its bytes alone.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "tokenizer/vocabulary_file.hpp"

namespace linnet {
namespace {

using test::VocabularyFile;

VocabularyFile with_bytes(const std::string& model) {
  VocabularyFile file{.model = model};
  file.add("<unk>", PieceType::kUnknown);
  for (int byte = 0; byte < 256; ++byte) {
    file.add(fmt::format("<0x{:02X}>", byte), PieceType::kByte);
  }
  file.ids = {{"unknown_token_id", 0}};
  return file;
}

VocabularyFile sentencepiece() {
  VocabularyFile file = with_bytes("llama");
  for (const char* piece : {"a", "b", "ab", "abab", "\u2581", "\u2581\u2581"}) file.add(piece);
  file.add("two  spaces", PieceType::kUserDefined);
  return file;
}

VocabularyFile byte_level(const std::string& pre) {
  VocabularyFile file{.model = "gpt2"};
  file.pre = pre;
  for (int byte = 0; byte < 256; ++byte) {
    file.add(std::string(byte_to_character(static_cast<unsigned char>(byte))));
  }
  file.add("ab");
  file.add("abab");
  file.merges = {"a b", "ab ab"};
  return file;
}

std::vector<std::string> texts() {
  std::vector<std::string> texts = {"", "a", "two  spaces", "two\u2581\u2581spaces"};
  std::string e_acute, abs, spaces;
  for (int i = 0; i < 300; ++i) {
    e_acute += "e\u0301";  // which composed has two bytes
    abs += "abab";
    spaces += "two\u2581\u2581spaces  ";
  }
  texts.insert(texts.end(), {e_acute, abs, spaces});
  std::mt19937 random(1);
  for (int i = 0; i < 50; ++i) {
    std::string text;
    for (int k = 0; k < 200; ++k) text += "ab \n"[random() % 4];
    texts.push_back(text);
  }
  return texts;
}

TEST(FewestTokens, NoTextBecomesFewer) {
  for (const VocabularyFile& file :
       {sentencepiece(), byte_level("gpt-2"), byte_level("qwen2"), byte_level("llama-bpe")}) {
    const auto tokenizer = file.make();
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    for (const std::string& text : texts()) {
      for (const bool parse_special : {false, true}) {
        const auto ids = (*tokenizer)->encode(text, {.parse_special = parse_special});
        ASSERT_TRUE(ids);
        EXPECT_LE((*tokenizer)->fewest_tokens(text.size()), std::ssize(*ids)) << text;
      }
    }
    EXPECT_GT((*tokenizer)->fewest_tokens(1000), 20);
  }
}

TEST(FewestTokens, AreNotKnownWhereTextBecomesNothing) {
  VocabularyFile without_bytes{.model = "llama"};
  without_bytes.add("<unk>", PieceType::kUnknown);
  without_bytes.add("a");
  EXPECT_EQ((*without_bytes.make())->fewest_tokens(1 << 30), 0);
  VocabularyFile phi = sentencepiece();  // whose special tokens swallow spaces
  phi.add("<|end|>", PieceType::kControl);
  phi.names = {{"general.name", "Phi-3"}};
  EXPECT_EQ((*phi.make())->fewest_tokens(1 << 30), 0);
}

TEST(GivenUp, EncodingEndsWithAnError) {
  const auto tokenizer = byte_level("gpt-2").make();
  std::string words;
  for (int i = 0; i < 100'000; ++i) words += " ab" + std::to_string(i);
  std::string one_word;
  for (int i = 0; i < 1 << 19; ++i) one_word += "ab";
  for (const std::string& text : {words, one_word}) {
    int questions = 0;
    const std::function<bool()> is_given_up = [&] { return ++questions >= 2; };
    const auto ids = (*tokenizer)->encode(text, {.is_given_up = &is_given_up});
    EXPECT_FALSE(ids);
    EXPECT_LE(questions, 3) << "nothing was done behind it";
    const std::function<bool()> is_wanted = [] { return false; };
    EXPECT_EQ(*(*tokenizer)->encode(text, {.is_given_up = &is_wanted}),
              *(*tokenizer)->encode(text, {}));
  }
}

}  // namespace
}  // namespace linnet
