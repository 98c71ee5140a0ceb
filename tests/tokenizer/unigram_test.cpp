#include <gtest/gtest.h>
#include <sentencepiece_processor.h>

#include <fstream>
#include <random>

#include "support/paths.hpp"
#include "tokenizer/charsmap.hpp"
#include "tokenizer/sentencepiece_model.hpp"
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

TEST(UnigramTest, AnUnknownCharacterIsItsBytesWhereAllHaveTokens) {
  auto file = vocabulary();
  const TokenId first = file.add("<0xC3>", PieceType::kByte);
  const TokenId second = file.add("<0xA9>", PieceType::kByte);
  EXPECT_EQ(test::encode(*test::make(file), "aéa"), (Ids{6, first, second, 4}));
  EXPECT_EQ(test::encode(*test::make(file), "aüa"), (Ids{6, 2, 4}));  // <0xBC> is not there
  EXPECT_EQ(test::decode(*test::make(file), {6, first, second, 4}), "aéa");
  file.tokens[static_cast<std::size_t>(second)] = "(0xA9>";  // no name of a byte
  EXPECT_EQ(test::encode(*test::make(file), "aéa"), (Ids{6, 2, 4}));
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
}

// The library's ids, as the reference.
class Library {
 public:
  Library(const gguf::File& file, const test::UnigramSettings& settings) {
    const auto read = Vocabulary::read(file, {.eos = 1, .unknown = 2});
    EXPECT_TRUE(read.ok());
    EXPECT_TRUE(processor_.LoadFromSerializedProto(test::unigram_model(*read, settings)).ok());
  }
  Ids encode(const std::string& text) const {
    Ids ids;
    EXPECT_TRUE(processor_.Encode(text, &ids).ok());
    return ids;
  }

 private:
  sentencepiece::SentencePieceProcessor processor_;
};

TEST(UnigramTest, AgreesWithTheLibraryOnRandomVocabularies) {
  const std::vector<std::string> characters = {"a", "b", "▁", "é", "漢"};
  std::mt19937 random(7);
  for (int round = 0; round < 100; ++round) {
    auto file = vocabulary();
    file.flags = {{"add_space_prefix", random() % 2 == 0},
                  {"remove_extra_whitespaces", random() % 2 == 0}};
    for (int i = 0; i < 40; ++i) {
      std::string piece;
      const int length = 1 + static_cast<int>(random() % 4);
      for (int j = 0; j < length; ++j) piece += characters[random() % characters.size()];
      if (std::count(file.tokens.begin(), file.tokens.end(), piece) > 0) continue;
      const bool unused = random() % 8 == 0;
      // Scores that single precision adds up without error.
      file.add(piece, unused ? PieceType::kUnused : PieceType::kNormal,
               -static_cast<double>(random() % 64) / 4);
    }
    const Library library(*file.open(), {"", file.flags[0].second, file.flags[1].second});
    const auto tokenizer = test::make(file);
    for (int i = 0; i < 20; ++i) {
      std::string text;
      for (std::size_t j = 0; j < random() % 30; ++j) {
        const std::string& character = characters[random() % characters.size()];
        text += character == "▁" ? " " : character;
      }
      // Ways of equal score may differ, as the library goes through the whole text at once.
      const auto score_of = [&](const Ids& ids) {
        double sum = 0;
        for (const TokenId id : ids) sum += id == 2 ? -1e3 : file.scores[id];
        return sum;
      };
      const Ids ours = test::encode(*tokenizer, text), theirs = library.encode(text);
      ASSERT_EQ(score_of(ours), score_of(theirs)) << "round " << round << ": '" << text << "'";
    }
  }
}

TEST(UnigramTest, AgreesWithTheLibraryOnARealVocabulary) {
  const std::string path = test::in_repository("../shared/oracle/tokenizers/unigram-en.gguf");
  const auto file = gguf::File::open(path);
  if (!file) GTEST_SKIP() << path << " is not there";
  std::string charsmap;
  const gguf::Array* array = *file->array("tokenizer.ggml.precompiled_charsmap");
  ASSERT_NE(array, nullptr);
  for (std::size_t i = 0; i < array->size(); ++i) charsmap += static_cast<char>(array->integer(i));
  const Library library(*file, {charsmap, true, true});
  const auto tokenizer = make_tokenizer(*file);
  ASSERT_TRUE(tokenizer.ok());
  std::ifstream in(test::in_repository("src/tokenizer/vocabulary.cpp"));
  std::vector<std::string> lines = {"ｆｕｌｌ　ｗｉｄｔｈ", "ﬁne ½ ① e\u0301 ㍿  x",
                                    "\u00ad\u200b",         " ",
                                    "\t\n a \r\n b\u3000",  "Ⅷ ﷺ ａｂｃ"};
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  ASSERT_GT(lines.size(), 100u);
  for (const std::string& line : lines) {
    EXPECT_EQ(test::encode(**tokenizer, line), library.encode(line)) << line;
  }
}

TEST(UnigramTest, ALongTextIsEncodedAsItsWordsAre) {
  auto file = vocabulary();
  file.scores[7] = -4.9990;  // hardly more than the two pieces
  file.scores[4] = file.scores[5] = -2.5;
  std::string text;
  for (int i = 0; i < 200000; ++i) text += " bab";
  const Ids word = test::encode(*test::make(file), "bab");
  const Ids all = test::encode(*test::make(file), text);
  ASSERT_EQ(all.size(), 200000 * word.size());
  for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], word[i % word.size()]);
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
  EXPECT_TRUE(Charsmap::read(charsmap_of(units, one_replacement)).ok());
  EXPECT_FALSE(Charsmap::read("").ok());
  EXPECT_FALSE(Charsmap::read("\xff\xff\xff\xff").ok());
  EXPECT_FALSE(Charsmap::read(charsmap_of(units, "")).ok());
  EXPECT_FALSE(Charsmap::read(charsmap_of(units, "x")).ok());
  EXPECT_FALSE(Charsmap::read(charsmap_of({1, 2, 3}, one_replacement)).ok());
  units[7] = 256u << 10;  // to unit 263
  EXPECT_FALSE(Charsmap::read(charsmap_of(units, one_replacement)).ok());
  units[7] = 0x3fffffu << 9 | 1u << 9;  // far away
  EXPECT_FALSE(Charsmap::read(charsmap_of(units, one_replacement)).ok());
  units[7] = 1u << 31 | 1;  // a value within
  EXPECT_TRUE(Charsmap::read(charsmap_of(units, one_replacement)).ok());
  units[7] = 1u << 31 | 2;
  EXPECT_FALSE(Charsmap::read(charsmap_of(units, one_replacement)).ok());
  units[7] = 0;
  units[0] = 256u << 10;  // to the first behind the last
  EXPECT_FALSE(Charsmap::read(charsmap_of(units, one_replacement)).ok());
  units[0] = 1u << 31;  // a value where all rules begin
  EXPECT_FALSE(Charsmap::read(charsmap_of(units, one_replacement)).ok());
}

TEST(CharsmapTest, RefusesReplacementsWithoutEnd) {
  std::vector<std::uint32_t> units(256, 0);
  units[7] = 1u << 31 | 1;
  EXPECT_TRUE(Charsmap::read(charsmap_of(units, std::string(1025, 'x') + '\0')).ok());
  units[7] = 1u << 31 | 0;
  EXPECT_FALSE(Charsmap::read(charsmap_of(units, std::string(1025, 'x') + '\0')).ok());
}

// "a" becomes a thousand of them.
TEST(CharsmapTest, RulesThatMakeATextVeryLongAreAnError) {
  std::vector<std::uint32_t> units(512, 0);
  units[0] = 256u << 10;
  units[256 ^ 'a'] = (256 ^ 'a' ^ 300u) << 10 | 1u << 8 | 'a';
  units[300] = 1u << 31 | 0;
  auto file = vocabulary();
  for (const char byte : charsmap_of(units, std::string(1000, 'a') + '\0')) {
    file.charsmap.push_back(static_cast<std::int8_t>(byte));
  }
  const auto tokenizer = test::make(file);
  EXPECT_TRUE(tokenizer->encode("a", {}));
  EXPECT_FALSE(tokenizer->encode(std::string(10'000, 'a'), {}));
}

TEST(CharsmapTest, FindsTheLongestRule) {
  // "a" is replaced by "x" and "ab" by nothing. A node's children stand at its base xor their byte.
  std::vector<std::uint32_t> units(512, 0);
  const auto node = [](std::uint32_t offset, bool has_value, std::uint32_t label) {
    return offset << 10 | (has_value ? 1u << 8 : 0) | label;
  };
  units[0] = node(256, false, 0);
  const std::uint32_t a = 256 ^ 'a';
  units[a] = node(a ^ 300, true, 'a');  // its children stand around 300
  units[300] = 1u << 31 | 0;            // "x"
  const std::uint32_t ab = 300 ^ 'b';
  units[ab] = node(ab ^ 400, true, 'b');
  units[400] = 1u << 31 | 2;  // ""
  const auto charsmap = Charsmap::read(charsmap_of(units, std::string_view("x\0\0", 3)));
  ASSERT_TRUE(charsmap.ok()) << charsmap.error().message;
  EXPECT_EQ(charsmap->find("ac")->bytes, 1u);
  EXPECT_EQ(charsmap->find("ac")->replacement, "x");
  EXPECT_EQ(charsmap->find("abc")->bytes, 2u);
  EXPECT_EQ(charsmap->find("abc")->replacement, "");
  EXPECT_FALSE(charsmap->find("b"));
  EXPECT_FALSE(charsmap->find(""));
  EXPECT_FALSE(Charsmap().find("a"));
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
