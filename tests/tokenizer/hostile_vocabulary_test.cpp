// Files that no honest program writes: an error or a tokenizer that works, never a crash.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <random>

#include "base/utf8.hpp"
#include "support/processor_time.hpp"
#include "tokenizer/vocabulary_file.hpp"

namespace linnet {
namespace {

using test::Ids;
using test::VocabularyFile;

const std::vector<std::string> kKinds = {"llama", "gpt2", "gemma4", "bert",
                                         "t5",    "rwkv", "plamo2", "whitespace"};

void expect_error(const VocabularyFile& file, std::string_view part) {
  const auto result = file.make();
  ASSERT_FALSE(result.ok()) << file.model;
  EXPECT_NE(result.error().message.find(part), std::string::npos) << result.error().message;
}

VocabularyFile small(const std::string& model) {
  VocabularyFile file{.model = model};
  file.pre = "gpt-2";
  file.add("<unk>", PieceType::kUnknown);
  file.add("a");
  file.add("b");
  file.merges = {"a b"};
  file.ids = {{"unknown_token_id", 0}};
  return file;
}

TEST(HostileVocabularyTest, UnknownKindsAreNamed) {
  expect_error({.model = "wordsmith", .tokens = {"a"}}, "'wordsmith'");
}

TEST(HostileVocabularyTest, AFileMayHaveNoTokenizer) {
  for (const char* model : {"no_vocab", "none"}) {
    const auto tokenizer = VocabularyFile{.model = model, .tokens = {"a"}}.make();
    ASSERT_TRUE(tokenizer.ok());
    EXPECT_EQ(*tokenizer, nullptr);
  }
}

TEST(HostileVocabularyTest, EmptyOnes) {
  for (const std::string& kind : kKinds) {
    VocabularyFile file{.model = kind};
    file.pre = "gpt-2";
    file.merges = {"a b"};
    expect_error(file, "tokenizer.ggml.tokens");
    file.tokens = {""};
    file.types = {PieceType::kUnknown};
    const auto tokenizer = file.make();
    ASSERT_TRUE(tokenizer) << kind << tokenizer.error().message;
    if (kind == "llama" || kind == "plamo2") {  // which have a token for what they don't know
      const Ids ids = test::encode(**tokenizer, "some text");
      EXPECT_EQ(ids, Ids(kind == "llama" ? 2 : 9, 0)) << kind;
      EXPECT_EQ(test::decode(**tokenizer, ids), "");
    } else {
      test::expect_no_token(**tokenizer, "some text", "U+0073 ('s')");
    }
  }
}

TEST(HostileVocabularyTest, ManyLongTokens) {
  auto file = small("t5");
  for (int i = 0; i < 2100; ++i) {
    file.add(std::to_string(i) + std::string((1 << 14) - 10, 'x'));
  }
  expect_error(file, "tokens have more than 33554432 bytes together");
}

// At each place of the text 16,000 bytes of the long token are compared: minutes, all in all.
TEST(HostileVocabularyTest, ATextThatMatchesALongTokenEverywhereCanBeGivenUp) {
  for (const PieceType type : {PieceType::kNormal, PieceType::kUserDefined}) {
    for (const std::string kind : {"t5", "rwkv", "plamo2"}) {
      auto file = small(kind);
      file.add(std::string(16'000, 'a') + "b", type);
      const auto tokenizer = test::make(file);
      const double start_s = test::processor_time_s();
      const auto start = std::chrono::steady_clock::now();
      const std::function<bool()> is_given_up = [&] {
        return std::chrono::steady_clock::now() - start > std::chrono::milliseconds(10);
      };
      const auto ids = tokenizer->encode(std::string(1 << 20, 'a'), {.is_given_up = &is_given_up});
      ASSERT_FALSE(ids.ok());
      EXPECT_EQ(ids.error().message, "the text is not wanted any more");
      EXPECT_LT(test::processor_time_s() - start_s, 10) << kind;
    }
  }
}

TEST(HostileVocabularyTest, ArraysOfOtherLengths) {
  for (const std::string& kind : kKinds) {
    auto file = small(kind);
    file.types.pop_back();
    expect_error(file, "token_type");
    file = small(kind);
    file.scores.push_back(1.0);
    expect_error(file, "scores");
  }
}

TEST(HostileVocabularyTest, ScoresThatAreNoNumbers) {
  for (const std::string& kind : kKinds) {
    auto file = small(kind);
    file.scores[1] = std::nan("");
    EXPECT_FALSE(file.make().ok()) << kind;
    const auto text_of = [](const Tokenizer& tokenizer) {
      return test::decode(tokenizer, test::encode(tokenizer, "abab"));
    };
    for (const double score : {HUGE_VAL, -HUGE_VAL, 3e38, -3e38}) {
      file.scores[1] = score;
      const auto tokenizer = file.make();
      ASSERT_TRUE(tokenizer) << kind << tokenizer.error().message;
      // What costs so much is no piece to PLaMo 2.
      const std::string sound = kind == "plamo2" ? "bb" : text_of(*test::make(small(kind)));
      EXPECT_EQ(text_of(**tokenizer), sound) << kind << " " << score;
    }
  }
}

// Files that name tokens of an untrimmed vocabulary have their kind's usual ones.
TEST(HostileVocabularyTest, IdsOutsideTheVocabularySayNothing) {
  for (const std::string& kind : kKinds) {
    auto file = small(kind);
    file.ids.clear();
    const auto usual = file.make();
    ASSERT_TRUE(usual) << kind << usual.error().message;
    for (const char* name : {"bos_token_id", "eos_token_id", "unknown_token_id"}) {
      for (const std::int64_t id : {std::int64_t{3}, std::int64_t{0xfffffffe}}) {
        file.ids = {{name, id}};
        const auto tokenizer = file.make();
        ASSERT_TRUE(tokenizer) << kind << tokenizer.error().message;
        EXPECT_EQ((*tokenizer)->bos(), (*usual)->bos()) << kind << " " << name;
        EXPECT_EQ((*tokenizer)->eos(), (*usual)->eos()) << kind << " " << name;
      }
    }
  }
}

TEST(HostileVocabularyTest, IdsOutsideTheVocabularyAreToldInSentences) {
  auto file = small("gpt2");
  const auto size = static_cast<std::int64_t>(file.tokens.size());
  file.ids = {{"bos_token_id", size - 1}, {"eos_token_id", size}, {"eot_token_id", 0xffffffff}};
  const auto opened = file.open();
  ASSERT_TRUE(opened);
  const auto sentences = Vocabulary::foreign_ids(*opened);
  ASSERT_EQ(sentences.size(), 1u);
  EXPECT_EQ(sentences[0], fmt::format("tokenizer.ggml.eos_token_id is {0}, expected less than {0}, "
                                      "the size of the vocabulary; it counts as not there",
                                      size));
}

TEST(HostileVocabularyTest, ValuesOfOtherTypesAreNamed) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> keys = {
      {"scores", kKinds},
      {"token_type", kKinds},
      {"add_bos_token", kKinds},
      {"add_eos_token", kKinds},
      {"add_sep_token", kKinds},
      {"eos_token_id", kKinds},
      {"seperator_token_id", kKinds},
      {"merges", {"gpt2", "gemma4", "whitespace"}},
      {"add_space_prefix", {"llama", "t5", "gemma4"}},
      {"remove_extra_whitespaces", {"t5"}},
      {"precompiled_charsmap", {"t5"}},
      {"normalizer.lowercase", {"bert", "whitespace"}},
      {"normalizer.strip_accents", {"bert"}}};
  for (const auto& [name, kinds] : keys) {
    for (const std::string& kind : kinds) {
      auto file = small(kind);
      file.scores.clear();
      file.types.clear();
      file.merges.clear();
      if (name != "merges") file.merges = small(kind).merges;
      file.names = {{"tokenizer.ggml." + name, "a text"}};
      expect_error(file, "tokenizer.ggml." + name);
    }
  }
}

TEST(HostileVocabularyTest, ArraysOfOtherValuesAreNamed) {
  auto file = small("t5");
  file.charsmap = {1, 2, 3};
  expect_error(file, "tokenizer.ggml.precompiled_charsmap: it has 3 bytes, expected at least 4");
}

TEST(HostileVocabularyTest, TypesThatDoNotExistAreNone) {
  for (const std::string& kind : kKinds) {
    auto file = small(kind);
    const auto ids = [&](PieceType first, PieceType second) {
      file.types[1] = first;
      file.types[2] = second;
      return test::encode(*test::make(file), "ab");
    };
    const Ids expected = ids(PieceType::kUndefined, PieceType::kUndefined);
    EXPECT_FALSE(expected.empty()) << kind;
    EXPECT_EQ(ids(static_cast<PieceType>(1 << 30), static_cast<PieceType>(-5)), expected) << kind;
    EXPECT_EQ(ids(static_cast<PieceType>(7), static_cast<PieceType>(7)), expected) << kind;
  }
}

TEST(HostileVocabularyTest, PiecesTwiceEmptyNotUtf8AndWithNul) {
  for (const std::string& kind : kKinds) {
    auto file = small(kind);
    for (const PieceType type : {PieceType::kNormal, PieceType::kControl, PieceType::kUserDefined,
                                 PieceType::kUnused, PieceType::kByte, PieceType::kUnknown}) {
      for (const std::string& piece :
           {std::string(), std::string("a"), std::string("\xff\xfe"), std::string("\0", 1),
            std::string("a\0b", 3), std::string("\xe6\xbc"), std::string("<0x"), std::string("\\"),
            std::string("\\x"), std::string("▁")}) {
        file.add(piece, type);
      }
    }
    const auto tokenizer = file.make();
    ASSERT_TRUE(tokenizer) << kind << tokenizer.error().message;
    for (const bool parse_special : {false, true}) {
      const Ids ids =
          test::encode(**tokenizer, std::string("a漢 \0ab▁", 12), {true, parse_special});
      EXPECT_TRUE(is_valid_utf8(test::decode(**tokenizer, ids, true)));
    }
    for (TokenId id = -2; id < (*tokenizer)->vocabulary_size() + 2; ++id) {
      (*tokenizer)->token_bytes(id, true);
      (*tokenizer)->piece(id);
    }
  }
}

TEST(HostileVocabularyTest, APieceOfABook) {
  for (const std::string& kind : kKinds) {
    auto file = small(kind);
    file.add(std::string(1 << 15, 'a'));
    expect_error(file, "bytes");
  }
}

TEST(HostileVocabularyTest, MergesThatMakeNoSense) {
  auto file = test::byte_level_vocabulary({{"a", "b"}, {"ab", "ab"}});
  for (const char* line : {"", " ", "  ", "a", "a ", " a", "a b", "ab abab", "x y z", "\xff \xff",
                           "abab abab", "b a"}) {
    file.merges.emplace_back(line);
  }
  // Circles: what a merge makes is longer than its parts, so there can be none.
  file.add("ba");
  const auto tokenizer = test::make(file);
  EXPECT_EQ(test::encode(*tokenizer, "ababab"), (Ids{257, 256}));
  EXPECT_EQ(test::encode(*tokenizer, "ba"), (Ids{258}));
}

TEST(HostileVocabularyTest, AMergeIntoAControlTokenDoesNotHappen) {
  auto file = test::byte_level_vocabulary({});
  file.add("<e", PieceType::kNormal);
  const TokenId control = file.add("<e>", PieceType::kControl);
  file.merges = {"< e", "<e >"};
  for (const char* pre : {"gpt-2", "llama-bpe", "bloom"}) {
    file.pre = pre;
    for (const TokenId id : test::encode(*test::make(file), "<e>")) EXPECT_NE(id, control) << pre;
  }
}

TEST(HostileVocabularyTest, BytesThatAreMissing) {
  for (const std::string& kind : kKinds) {
    const auto tokenizer = small(kind).make();
    ASSERT_TRUE(tokenizer.ok()) << kind << tokenizer.error().message;
    const std::string text = "a漢b 🦆\n";
    EXPECT_TRUE(is_valid_utf8(test::decode(**tokenizer, test::encode(**tokenizer, text))));
    EXPECT_TRUE(test::encode(**tokenizer, "").empty());
  }
}

TEST(HostileVocabularyTest, RandomTextGoesThereAndBack) {
  auto spm = test::sentencepiece_vocabulary();
  auto plamo = test::sentencepiece_vocabulary("plamo2");
  auto gemma = test::sentencepiece_vocabulary("gemma4");
  gemma.merges = {"a b"};
  for (VocabularyFile* file : {&spm, &gemma}) file->add("▁");
  const std::vector<VocabularyFile> files = {
      test::byte_level_vocabulary({{"a", "b"}, {" ", "a"}}, "gpt-2"),
      test::byte_level_vocabulary({{"a", "b"}, {" ", "a"}}, "gpt-4o"),
      test::byte_level_vocabulary({{"a", "b"}, {" ", "a"}}, "deepseek-v3"),
      spm,
      plamo,
      gemma};
  std::mt19937 random(17);
  for (const VocabularyFile& file : files) {
    const auto tokenizer = test::make(file);
    for (int round = 0; round < 200; ++round) {
      std::string text;
      for (std::size_t i = 0; i < random() % 20; ++i) {
        const std::uint32_t limit = random() % 2 == 0 ? 0x80 : 0x110000;
        const char32_t c = random() % limit;
        const bool surrogate = c >= 0xd800 && c < 0xe000;
        // The mark is a space to those with escaped spaces, and PLaMo drops a byte order mark.
        if (!surrogate && c != 0x2581 && c != 0xfeff) append_utf8(text, c);
      }
      EXPECT_EQ(test::decode(*tokenizer, test::encode(*tokenizer, text)), text) << file.model;
    }
  }
}

}  // namespace
}  // namespace linnet
