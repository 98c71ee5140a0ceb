#include <gtest/gtest.h>

#include <cstring>

#include "tokenizer/charsmap.hpp"
#include "tokenizer/vocabulary_file.hpp"

namespace linnet {
namespace {

using test::Ids;

test::VocabularyFile vocabulary() {
  test::VocabularyFile file{.model = "t5"};
  file.add("<pad>", PieceType::kControl);
  file.add("</s>", PieceType::kControl);
  file.add("<unk>", PieceType::kUnknown);
  file.add("▁", PieceType::kNormal, -3);     // 3
  file.add("a", PieceType::kNormal, -4);     // 4
  file.add("b", PieceType::kNormal, -4);     // 5
  file.add("▁a", PieceType::kNormal, -5);    // 6
  file.add("ab", PieceType::kNormal, -4.5);  // 7
  file.flags = {{"add_space_prefix", true}, {"remove_extra_whitespaces", true}};
  return file;
}

TEST(UnigramTest, TakesTheMostProbablePieces) {
  const auto tokenizer = test::make(vocabulary());
  // -3 - 4.5 is more than -5 - 4.
  EXPECT_EQ(test::encode(*tokenizer, "ab"), (Ids{3, 7}));
  EXPECT_EQ(test::encode(*tokenizer, "a"), (Ids{6}));
  EXPECT_EQ(test::encode(*tokenizer, "  a   a "), (Ids{6, 6}));
  EXPECT_EQ(test::decode(*tokenizer, {6, 3, 7}), "a ab");
}

TEST(UnigramTest, ARunOfUnknownCharactersIsOneToken) {
  EXPECT_EQ(test::encode(*test::make(vocabulary()), "aéüa"), (Ids{6, 2, 4}));
}

TEST(UnigramTest, EndsWithEosByDefault) {
  EXPECT_EQ(test::encode(*test::make(vocabulary()), "a", {.add_special = true}), (Ids{6, 1}));
}

TEST(UnigramTest, BrokenVocabulariesAreErrorsOrHarmless) {
  auto file = vocabulary();
  file.add("", PieceType::kNormal);
  file.add("a", PieceType::kNormal, -1);
  file.add(std::string("a\0b", 3), PieceType::kNormal, -1);
  file.add(std::string("\0", 1), PieceType::kNormal, -1);
  file.add("\xff\xfe", PieceType::kNormal, -1);
  file.add("<unk2>", PieceType::kUnknown);
  const auto tokenizer = test::make(file);
  EXPECT_EQ(test::encode(*tokenizer, "a"), (Ids{6}));
  test::VocabularyFile no_unknown{.model = "t5"};
  no_unknown.add("a");
  EXPECT_FALSE(no_unknown.make().ok());
}

std::string charsmap_of(const std::vector<std::uint32_t>& units, std::string_view replacements) {
  const auto bytes = static_cast<std::uint32_t>(units.size() * 4);
  std::string result(reinterpret_cast<const char*>(&bytes), 4);
  result.append(reinterpret_cast<const char*>(units.data()), bytes);
  return result.append(replacements);
}

TEST(CharsmapTest, RefusesWhatLeadsOutOfTheData) {
  const std::string_view one_replacement("x\0", 2);
  std::vector<std::uint32_t> units(256, 0);
  EXPECT_TRUE(check_charsmap(charsmap_of(units, one_replacement)).ok());
  EXPECT_FALSE(check_charsmap("").ok());
  EXPECT_FALSE(check_charsmap("\xff\xff\xff\xff").ok());
  EXPECT_FALSE(check_charsmap(charsmap_of(units, "")).ok());
  EXPECT_FALSE(check_charsmap(charsmap_of(units, "x")).ok());
  EXPECT_FALSE(check_charsmap(charsmap_of({1, 2, 3}, one_replacement)).ok());
  units[7] = 256u << 10;  // to unit 263
  EXPECT_FALSE(check_charsmap(charsmap_of(units, one_replacement)).ok());
  units[7] = 0x3fffffu << 9 | 1u << 9;  // far away
  EXPECT_FALSE(check_charsmap(charsmap_of(units, one_replacement)).ok());
  units[7] = 1u << 31 | 1;  // a value within
  EXPECT_TRUE(check_charsmap(charsmap_of(units, one_replacement)).ok());
  units[7] = 1u << 31 | 2;
  EXPECT_FALSE(check_charsmap(charsmap_of(units, one_replacement)).ok());
}

TEST(CharsmapTest, ABrokenOneIsAnErrorThatNamesTheKey) {
  auto file = vocabulary();
  file.charsmap = {1, 2, 3, 4, 5};
  const auto result = file.make();
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find("precompiled_charsmap"), std::string::npos);
}

}  // namespace
}  // namespace linnet
