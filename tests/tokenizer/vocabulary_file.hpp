#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gguf/gguf_file.hpp"
#include "gguf/gguf_writer.hpp"
#include "tokenizer/byte_alphabet.hpp"
#include "tokenizer/tokenizer.hpp"
#include "tokenizer/vocabulary.hpp"

namespace linnet::test {

using Ids = std::vector<TokenId>;

/// A vocabulary that a test writes down, as the metadata of a GGUF file.
struct VocabularyFile {
  std::string model;
  std::vector<std::string> tokens = {};
  std::vector<PieceType> types = {};  ///< may be empty
  std::vector<double> scores = {};    ///< may be empty
  std::vector<std::string> merges = {};
  std::optional<std::string> pre = std::nullopt;
  std::vector<std::pair<std::string, std::int64_t>> ids = {};   ///< "bos_token_id" and its like
  std::vector<std::pair<std::string, bool>> flags = {};         ///< "add_bos_token" and its like
  std::vector<std::pair<std::string, std::string>> names = {};  ///< whole keys
  std::vector<std::int64_t> charsmap = {};

  TokenId add(std::string token, PieceType type = PieceType::kNormal, double score = 0.0) {
    tokens.push_back(std::move(token));
    types.push_back(type);
    scores.push_back(score);
    return static_cast<TokenId>(tokens.size()) - 1;
  }

  void write_to(gguf::Writer& writer) const {
    const auto key = [](const std::string& name) { return "tokenizer.ggml." + name; };
    writer.add_string(key("model"), model);
    if (pre) writer.add_string(key("pre"), *pre);
    writer.add_strings(key("tokens"), tokens);
    if (!scores.empty()) writer.add_numbers(key("scores"), gguf::ValueType::kFloat32, scores);
    if (!types.empty()) {
      std::vector<std::int64_t> numbers;
      for (const PieceType type : types) numbers.push_back(static_cast<std::int64_t>(type));
      writer.add_integers(key("token_type"), gguf::ValueType::kInt32, numbers);
    }
    if (!merges.empty()) writer.add_strings(key("merges"), merges);
    for (const auto& [name, id] : ids) writer.add_integer(key(name), gguf::ValueType::kUint32, id);
    for (const auto& [name, flag] : flags) writer.add_bool(key(name), flag);
    for (const auto& [name, value] : names) writer.add_string(name, value);
    if (!charsmap.empty()) {
      writer.add_integers(key("precompiled_charsmap"), gguf::ValueType::kInt8, charsmap);
    }
  }

  Result<gguf::File> open() const {
    gguf::Writer writer;
    writer.add_string("general.architecture", "llama");
    write_to(writer);
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    const std::filesystem::path path =
        std::filesystem::temp_directory_path() /
        (std::string("linnet-") + test->name() + "-" + std::to_string(getpid()) + ".gguf");
    const auto none = [](std::size_t, const gguf::Writer::Sink&) { return Status(); };
    if (Status status = writer.write(path, none); !status) return status.error();
    auto file = gguf::File::open(path);
    std::filesystem::remove(path);  // it stays mapped
    return file;
  }

  Result<std::unique_ptr<Tokenizer>> make(std::string_view override_pre = {}) const {
    auto file = open();
    if (!file) return file.error();
    return make_tokenizer(*file, override_pre);
  }
};

/// The 256 bytes in GPT-2's alphabet, ids 0 to 255, then what the merges make of them. `merges` are
/// written with plain bytes: {"t", "h"}.
inline VocabularyFile byte_level_vocabulary(
    const std::vector<std::pair<std::string, std::string>>& merges, std::string pre = "gpt-2") {
  const auto spell = [](const std::string& bytes) {
    std::string piece;
    for (const char byte : bytes) piece += byte_to_character(static_cast<unsigned char>(byte));
    return piece;
  };
  VocabularyFile file{.model = "gpt2"};
  file.pre = std::move(pre);
  for (int byte = 0; byte < 256; ++byte) {
    file.add(byte_to_character(static_cast<unsigned char>(byte)));
  }
  for (const auto& [left, right] : merges) {
    file.add(spell(left + right));
    file.merges.push_back(spell(left) + " " + spell(right));
  }
  if (file.merges.empty()) file.merges.push_back("a");  // a line that says nothing
  return file;
}

/// <unk>, <s>, </s> and the byte tokens <0x00> to <0xFF>, ids 0 to 258.
inline VocabularyFile sentencepiece_vocabulary(std::string model = "llama") {
  VocabularyFile file{.model = std::move(model)};
  file.add("<unk>", PieceType::kUnknown);
  file.add("<s>", PieceType::kControl);
  file.add("</s>", PieceType::kControl);
  for (int byte = 0; byte < 256; ++byte) {
    char name[8];
    std::snprintf(name, sizeof(name), "<0x%02X>", byte);
    file.add(name, PieceType::kByte);
  }
  return file;
}

/// Unwraps, and fails the test where there is an error.
inline Ids encode(const Tokenizer& tokenizer, std::string_view text, EncodeOptions options = {}) {
  auto ids = tokenizer.encode(text, options);
  EXPECT_TRUE(ids.ok()) << ids.error().message;
  return ids ? *ids : Ids{};
}

/// Expects that `text` can't be encoded because of `character`.
inline void expect_no_token(const Tokenizer& tokenizer, std::string_view text,
                            const std::string& character) {
  const auto ids = tokenizer.encode(text, {});
  ASSERT_FALSE(ids);
  EXPECT_EQ(ids.error().message, "the model's vocabulary has no token for " + character);
}

inline std::string decode(const Tokenizer& tokenizer, const Ids& ids, bool show_special = false) {
  Detokenizer detokenizer(tokenizer, /*at_start=*/true, show_special);
  std::string text;
  for (const TokenId id : ids) text += detokenizer.push(id);
  return text + detokenizer.finish();
}

inline std::unique_ptr<Tokenizer> make(const VocabularyFile& file) {
  auto tokenizer = file.make();
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  return tokenizer ? std::move(*tokenizer) : nullptr;
}

}  // namespace linnet::test
