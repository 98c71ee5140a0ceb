#include "tokenizer/unicode.hpp"

#include <gtest/gtest.h>
#include <utf8proc.h>

#include <cstdlib>
#include <random>

#include "tokenizer/byte_alphabet.hpp"

namespace linnet {
namespace {

std::string mapped_by_library(const std::string& text, int form) {
  utf8proc_uint8_t* raw = nullptr;
  const auto length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                   static_cast<utf8proc_ssize_t>(text.size()), &raw,
                                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | form));
  std::string result(reinterpret_cast<const char*>(raw), static_cast<std::size_t>(length));
  std::free(raw);
  return result;
}

std::string nfc_by_library(const std::string& text) {
  return mapped_by_library(text, UTF8PROC_COMPOSE);
}

std::string nfd_by_library(const std::string& text) {
  return mapped_by_library(text, UTF8PROC_DECOMPOSE);
}

std::string nfc(const std::string& text) {
  std::string storage;
  return std::string(to_nfc(text, storage));
}

TEST(NfcTest, AgreesWithTheLibraryOnEveryCharacter) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xd800 && c < 0xe000) continue;
    std::string text = "a";
    append_utf8(text, c);
    ASSERT_EQ(nfc(text), nfc_by_library(text)) << std::hex << static_cast<std::uint32_t>(c);
    ASSERT_EQ(to_nfd(text), nfd_by_library(text)) << std::hex << static_cast<std::uint32_t>(c);
    text += "\u0301";
    ASSERT_EQ(nfc(text), nfc_by_library(text)) << std::hex << static_cast<std::uint32_t>(c);
  }
}

TEST(NfcTest, AgreesWithTheLibraryOnRandomText) {
  const std::vector<char32_t> characters = {'a',     'e',    ' ',    0x301,  0x323,  0x1100, 0x1161,
                                            0x11a8,  0xac00, 0x3099, 0x304b, 0x4e00, 0x3b1,  0x345,
                                            0x1d15e, 0x958,  0x93c,  0x915,  0x2126, 0x439,  0x438};
  std::mt19937 random(5);
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (std::size_t i = 0; i < random() % 12; ++i) {
      append_utf8(text, characters[random() % characters.size()]);
    }
    ASSERT_EQ(nfc(text), nfc_by_library(text)) << text;
    ASSERT_EQ(to_nfd(text), nfd_by_library(text)) << text;
  }
}

// A prompt of many marks in the wrong order, which sorting by exchanges would take hours for.
TEST(NfcTest, LongRunsOfMarksTakeLinearTime) {
  constexpr int kMarks = 1'000'000;
  std::string text = "a", sorted = "a", composed = "\u00e1";
  for (int i = 0; i < kMarks; ++i) text += "\u0301";
  for (int i = 0; i < kMarks; ++i) text += "\u0316", sorted += "\u0316";
  for (int i = 0; i < kMarks; ++i) sorted += "\u0301";
  for (int i = 0; i < kMarks; ++i) composed += "\u0316";
  for (int i = 1; i < kMarks; ++i) composed += "\u0301";
  EXPECT_TRUE(to_nfd(text) == sorted);
  EXPECT_TRUE(nfc(text) == composed);
}

TEST(NfcTest, TextThatNeedsNoChangeIsNotCopied) {
  const std::string text = "plain, naïve, Привет, 漢字";
  std::string storage;
  EXPECT_EQ(to_nfc(text, storage).data(), text.data());
}

TEST(ByteAlphabetTest, EveryByteGoesThereAndBack) {
  std::string all, bytes;
  for (int byte = 0; byte < 256; ++byte) {
    all += byte_to_character(static_cast<unsigned char>(byte));
    bytes += static_cast<char>(byte);
  }
  EXPECT_EQ(characters_to_bytes(all), bytes);
  EXPECT_EQ(byte_to_character(' '), "Ġ");
  EXPECT_EQ(byte_to_character('\n'), "Ċ");
  EXPECT_EQ(characters_to_bytes("▁"), std::nullopt);
  EXPECT_EQ(characters_to_bytes(" "), std::nullopt);
  EXPECT_EQ(characters_to_bytes("\xff"), std::nullopt);
}

}  // namespace
}  // namespace linnet
