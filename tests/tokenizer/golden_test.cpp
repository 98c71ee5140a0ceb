// The vocabularies of ../shared/oracle/tokenizers, which may not be copied into the project.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "gguf/gguf_file.hpp"
#include "support/paths.hpp"
#include "tokenizer/tokenizer.hpp"
#include "tokenizer/unicode.hpp"
#include "tokenizer/vocabulary_file.hpp"

namespace linnet {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> vocabulary_names() {
  std::vector<std::string> names;
  const fs::path folder = test::in_repository("../shared/oracle/tokenizers");
  if (fs::exists(folder)) {
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() == ".gguf") names.push_back(entry.path().string());
    }
  }
  std::sort(names.begin(), names.end());
  if (names.empty()) names.push_back("");
  return names;
}

class GoldenVocabularyTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam().empty()) GTEST_SKIP() << "../shared/oracle/tokenizers is not there";
    auto file = gguf::File::open(GetParam());
    ASSERT_TRUE(file.ok()) << file.error().message;
    auto tokenizer = make_tokenizer(*file);
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
    tokenizer_ = std::move(*tokenizer);
    kind_ = std::string(**file->string("tokenizer.ggml.model"));
    std::ifstream in(fs::path(GetParam()).replace_extension("json"));
    cases_ = nlohmann::json::parse(in);
  }

  std::unique_ptr<Tokenizer> tokenizer_;
  std::string kind_;
  nlohmann::json cases_;
};

TEST_P(GoldenVocabularyTest, GivesTheIdsOfTheVocabulariesOwnTokenizer) {
  ASSERT_GT(cases_.size(), 10u);
  for (const auto& one : cases_) {
    const std::string text = one["text"];
    EXPECT_EQ(test::encode(*tokenizer_, text), one["ids"].get<test::Ids>()) << text;
  }
}

TEST_P(GoldenVocabularyTest, DecodesToTheTextItEncoded) {
  if (kind_ == "bert" || kind_ == "t5") GTEST_SKIP() << "this kind changes the text";
  for (const auto& one : cases_) {
    const std::string text = one["text"];
    std::string storage;
    const std::string normal(to_nfc(text, storage));
    const std::string decoded = test::decode(*tokenizer_, test::encode(*tokenizer_, text));
    EXPECT_TRUE(decoded == text || decoded == normal) << text << "\n" << decoded;
  }
}

TEST_P(GoldenVocabularyTest, EveryIdDecodesToValidText) {
  Detokenizer detokenizer(*tokenizer_, /*at_start=*/false, /*show_special=*/true);
  std::int64_t silent = 0;
  for (TokenId id = 0; id < tokenizer_->vocabulary_size(); ++id) {
    EXPECT_TRUE(is_valid_utf8(detokenizer.push(id))) << id;
    silent += tokenizer_->token_bytes(id, /*show_special=*/true).empty();
  }
  EXPECT_TRUE(is_valid_utf8(detokenizer.finish()));
  EXPECT_LE(silent, 1);
}

INSTANTIATE_TEST_SUITE_P(All, GoldenVocabularyTest, ::testing::ValuesIn(vocabulary_names()),
                         [](const auto& info) {
                           std::string name = fs::path(info.param).stem().string();
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name.empty() ? "absent" : name;
                         });

}  // namespace
}  // namespace linnet
