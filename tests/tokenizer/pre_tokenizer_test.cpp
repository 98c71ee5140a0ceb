#include "tokenizer/pre_tokenizer.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "base/utf8.hpp"
#include "support/paths.hpp"

namespace linnet {
namespace {

using Words = std::vector<std::string>;

PreTokenizer make(const PreTokenizerSpec& spec) {
  auto pre_tokenizer = PreTokenizer::make(spec);
  EXPECT_TRUE(pre_tokenizer.ok()) << pre_tokenizer.error().message;
  return pre_tokenizer ? std::move(*pre_tokenizer) : PreTokenizer();
}

PreTokenizer make_by(std::vector<PreTokenizerStep> steps) {
  return make(PreTokenizerSpec{.name = "test", .steps = steps});
}

Words split(const PreTokenizer& pre_tokenizer, std::string_view text) {
  Words words;
  const Status status =
      pre_tokenizer.for_each_word(text, [&](std::string_view word) { words.emplace_back(word); });
  EXPECT_TRUE(status.ok()) << status.error().message;
  return words;
}

Words split(const PreTokenizerSpec& spec, std::string_view text) { return split(make(spec), text); }

Words split(std::string_view name, std::string_view text) {
  const PreTokenizerSpec* spec = find_pre_tokenizer(name);
  EXPECT_NE(spec, nullptr) << name;
  return split(*spec, text);
}

Words split_by(std::vector<PreTokenizerStep> steps, std::string_view text) {
  return split(make_by(std::move(steps)), text);
}

TEST(PreTokenizerTest, NamesAreUnique) {
  std::set<std::string_view> names;
  for (const auto& spec : known_pre_tokenizers()) EXPECT_TRUE(names.insert(spec.name).second);
  EXPECT_EQ(find_pre_tokenizer("no such name"), nullptr);
  EXPECT_EQ(find_pre_tokenizer(""), nullptr);
}

TEST(PreTokenizerTest, TheWordsTogetherAreTheText) {
  const std::string text =
      "Hello, I'M the dog's 12345 ½ ²³ cats  \n\n\t x\r\n  naïve e\u0301 हिन्दी ไทย 漢字かな한국어 "
      "Ελλάδα Россия 🦆👩‍👩‍👧 \u00a0\u3000\u180e\u0085 __init__ 'll "
      "IMGIMGABZ "
      "<sentinel:42> "
      "$1,234.5 "
      "CamelCase HTTPServer ーパー …。، (a) ";
  for (const auto& spec : known_pre_tokenizers()) {
    std::string joined;
    for (const std::string& word : split(spec, text)) {
      EXPECT_FALSE(word.empty()) << spec.name;
      EXPECT_TRUE(is_valid_utf8(word)) << spec.name;
      joined += word;
    }
    EXPECT_EQ(joined, text) << spec.name;
  }
}

// By the same patterns: tests/oracles/words.py.
TEST(PreTokenizerTest, WordsAreThoseOfPythonsRegexModule) {
  const auto file =
      nlohmann::json::parse(std::ifstream(test::in_repository("tests/data/tokenizer/words.json")));
  const std::vector<std::string> texts = file.at("texts");
  for (const auto& entry : file.at("pre_tokenizers")) {
    for (const std::string name : entry.at("names")) {
      const PreTokenizerSpec* spec = find_pre_tokenizer(name);
      ASSERT_NE(spec, nullptr) << name;
      const PreTokenizer pre_tokenizer = make(*spec);
      for (std::size_t i = 0; i < texts.size(); ++i) {
        EXPECT_EQ(split(pre_tokenizer, texts[i]), entry.at("words").at(i).get<Words>()) << name;
      }
    }
  }
}

TEST(PreTokenizerTest, LongRunsAreNoTrouble) {
  constexpr int kLength = 1 << 15;
  for (const std::string_view unit : {" ", "\n", "a", "A", "7", "!", "é", "e\u0301", "漢", " a",
                                      " \n", "ab ", "0a", "'", "\u0301"}) {
    std::string text;
    for (int i = 0; i < kLength; ++i) text += unit;
    for (const auto& spec : known_pre_tokenizers()) {
      std::size_t bytes = 0;
      for (const std::string& word : split(spec, text)) bytes += word.size();
      ASSERT_EQ(bytes, text.size()) << spec.name << " on runs of " << unit;
    }
  }
}

TEST(PreTokenizerTest, Gpt2) {
  EXPECT_EQ(split("gpt-2", "I'm here,  it's 2024!\n\n x"),
            (Words{"I", "'m", " here", ",", " ", " it", "'s", " 2024", "!", "\n\n", " x"}));
  EXPECT_EQ(split("gpt-2", "I'M"), (Words{"I", "'", "M"}));
  EXPECT_EQ(split("starcoder", "a 123"), (Words{"a", " ", "1", "2", "3"}));
}

TEST(PreTokenizerTest, Llama3) {
  EXPECT_EQ(split("llama-bpe", "I'M 12345 (days)\n\n  x \n"),
            (Words{"I", "'M", " ", "123", "45", " (", "days", ")\n\n", " ", " x", " \n"}));
}

TEST(PreTokenizerTest, Qwen) {
  EXPECT_EQ(split("qwen2", "ab12"), (Words{"ab", "1", "2"}));
  // In Qwen 2 a mark is no letter, in 3.5 it is.
  EXPECT_EQ(split("qwen2", "हिं"), (Words{"ह", "िं"}));
  EXPECT_EQ(split("qwen35", "हिं"), (Words{"हिं"}));
}

TEST(PreTokenizerTest, Gpt4o) {
  EXPECT_EQ(split("gpt-4o", "HTTPServer's हिन्दी ab/\n"),
            (Words{"HTTPServer's", " हिन्दी", " ab", "/\n"}));
  EXPECT_EQ(split("gpt-4o", "camelCase"), (Words{"camel", "Case"}));
}

TEST(PreTokenizerTest, DeepSeek) {
  EXPECT_EQ(split("deepseek-v3", "1234漢字!abc x"), (Words{"123", "4", "漢字", "!abc", " x"}));
  EXPECT_EQ(split("deepseek-llm", "a\nb 漢 12  "),
            (Words{"a", "\n", "b", " ", "漢", " ", "12", "  "}));
  EXPECT_EQ(split("deepseek-coder", "a 12"), (Words{"a", " ", "1", "2"}));
}

TEST(PreTokenizerTest, KimiKeepsHanApart) {
  EXPECT_EQ(split("kimi-k2", "漢字abcかな漢"), (Words{"漢字", "abcかな", "漢"}));
}

TEST(PreTokenizerTest, OthersOfTheirKind) {
  EXPECT_EQ(split("falcon", "a,b 1234"), (Words{"a", ",", "b", " ", "123", "4"}));
  EXPECT_EQ(split("bloom", "ab, cd|(x)"), (Words{"ab", ",", " cd", "|(", "x", ")"}));
  EXPECT_EQ(split("viking", "a1"), (Words{"a", "1"}));
  EXPECT_EQ(split("laguna", "a\n\nb"), (Words{"a", "\n\n", "b"}));
  EXPECT_EQ(split("chameleon", "a  b7IMGIMGABZ"), (Words{"a", "  ", "b", "7", "IMGIMGABZ"}));
  EXPECT_EQ(split("exaone-moe", "ab cd ef!"), (Words{"ab cd ef", "!"}));
  EXPECT_EQ(split("tiny_aya", "1234567 12a"), (Words{"1", "234", "567", " ", "12", "a"}));
  EXPECT_EQ(split("superbpe", "1234567 12"), (Words{"1", "234", "567", " ", "12"}));
  EXPECT_EQ(split("afmoe", "12345"), (Words{"12", "345"}));
  EXPECT_EQ(split("jais-2", "a       b"), (Words{"a", "    ", "  ", " b"}));
}

// White_Space has no U+180E.
TEST(PreTokenizerTest, SpaceIsUnicodesWhiteSpace) {
  EXPECT_EQ(split_by({{R"(\s)"}}, "a\u0085b\u180ec"), (Words{"a", "\u0085", "b\u180ec"}));
  EXPECT_EQ(split_by({{R"([^\s]+)"}}, "a\u3000b"), (Words{"a", "\u3000", "b"}));
  EXPECT_EQ(split_by({{R"(\S+)"}}, "a\u2028b"), (Words{"a", "\u2028", "b"}));
}

TEST(PreTokenizerTest, AnEmptyMatchCuts) {
  EXPECT_EQ(split_by({{R"((?=b))"}}, "ébéb"), (Words{"é", "bé", "b"}));
}

TEST(PreTokenizerTest, ABrokenPatternIsAnError) {
  const std::vector<PreTokenizerStep> steps = {{"(a"}};
  EXPECT_FALSE(PreTokenizer::make({.name = "test", .steps = steps}).ok());
}

std::string random_text(std::mt19937& random, const std::vector<std::string>& parts) {
  std::string text;
  for (std::size_t i = 0; i < random() % 16; ++i) text += parts[random() % parts.size()];
  return text;
}

TEST(DigitCuttersTest, AgreeWithThePatternsTheyStandFor) {
  const std::vector<std::pair<PreTokenizer, PreTokenizer>> pairs = [] {
    std::vector<std::pair<PreTokenizer, PreTokenizer>> result;
    // \b behind a digit, with \w as in UTS 18 (PCRE2's \w has other numbers, too).
    result.emplace_back(make_by({{"", cut_word_end_digits_in_threes}}),
                        make_by({{R"(\d{1,3}(?=(?:\d{3})*(?![\p{L}\p{M}\p{Nd}\p{Pc}])))"}}));
    result.emplace_back(make_by({{R"(\p{N}+)"}, {"", cut_before_groups_of_three}}),
                        make_by({{R"(\p{N}+)"}, {R"((?=(\d{3})+(?!\d)))"}}));
    result.emplace_back(make_by({{"", cut_numbers_in_threes}}),
                        make_by({{R"(\p{N}{1,2}(?=(?:\p{N}{3})*(?!\p{N}))|\p{N}{3})"}}));
    return result;
  }();
  const std::vector<std::string> parts = {"1", "2", "3", "4", "٣", "½", "a", "_", " ", "é", "."};
  std::mt19937 random(11);
  for (int round = 0; round < 20000; ++round) {
    const std::string text = random_text(random, parts);
    for (const auto& [cutter, pattern] : pairs) {
      ASSERT_EQ(split(cutter, text), split(pattern, text)) << text;
    }
  }
}

TEST(SpaceCutterTest, AgreesWithThePatternItStandsBefore) {
  const PreTokenizerSpec& jais = *find_pre_tokenizer("jais-2");
  ASSERT_EQ(jais.steps.size(), 2u);
  const PreTokenizer ours = make(jais), pattern = make_by({jais.steps.back()});
  const std::string spaces(255, ' ');
  const std::vector<std::string> parts = {spaces, spaces, spaces, "  ", " ",  "\u3000",
                                          "\n",   "\r",   "\t",   "a",  "1!", "é"};
  std::mt19937 random(17);
  bool are_cut = false;
  for (int round = 0; round < 20000; ++round) {
    const std::string text = random_text(random, parts);
    const Words words = split(ours, text);
    ASSERT_EQ(words, split(pattern, text)) << text;
    are_cut |= std::ranges::count(words, std::string(512, ' ')) > 1;
  }
  EXPECT_TRUE(are_cut);
}

// Looking at all spaces before each word of 512 would take hours.
TEST(SpaceCutterTest, ManySpacesTakeLinearTime) {
  const std::size_t count = 16 << 20;
  EXPECT_EQ(split("jais-2", std::string(count, ' ') + "a").size(), count / 512 + 9);
}

TEST(RewrittenPatternsTest, AgreeWithTheOriginals) {
  const std::vector<std::string> parts = {"a",  "B", "é",  "\u0301", "漢",
                                          "か", " ", "\n", "1",      "'s"};
  const std::string exaone =
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+)"
      R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+)";
  const std::string upper = R"((?:(?!\p{sc:Han})[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]))";
  const std::string lower = R"((?:(?!\p{sc:Han})[\p{Ll}\p{Lm}\p{Lo}\p{M}]))";
  const std::string suffix = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?)";
  const std::string kimi = fmt::format(
      R"(\p{{sc:Han}}+|[^\r\n\p{{L}}\p{{N}}]?{0}*{1}+{2}|[^\r\n\p{{L}}\p{{N}}]?{0}+{1}*{2})"
      R"(|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
      upper, lower, suffix);
  std::vector<std::pair<PreTokenizer, PreTokenizer>> pairs;
  pairs.emplace_back(make(*find_pre_tokenizer("exaone-moe")), make_by({{exaone}}));
  pairs.emplace_back(make(*find_pre_tokenizer("kimi-k2")), make_by({{kimi}}));
  std::mt19937 random(13);
  for (int round = 0; round < 20000; ++round) {
    const std::string text = random_text(random, parts);
    for (const auto& [ours, original] : pairs) {
      ASSERT_EQ(split(ours, text), split(original, text)) << text;
    }
  }
}

}  // namespace
}  // namespace linnet
