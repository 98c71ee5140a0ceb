#include <fmt/format.h>
#include <sentencepiece_processor.h>

#include <exception>

#include "tokenizer/charsmap.hpp"
#include "tokenizer/kinds.hpp"
#include "tokenizer/sentencepiece_model.hpp"
#include "tokenizer/unicode.hpp"
#include "tokenizer/vocabulary_tokenizer.hpp"

namespace linnet {
namespace {

// SentencePiece's unigram model, by its library.
class UnigramTokenizer final : public VocabularyTokenizer {
 public:
  UnigramTokenizer(Vocabulary vocabulary, SpecialTokens special_tokens, bool add_space_prefix)
      : VocabularyTokenizer(std::move(vocabulary), std::move(special_tokens)),
        add_space_prefix_(add_space_prefix) {}

  Status load(const UnigramSettings& settings) {
    try {
      const auto status = processor_.LoadFromSerializedProto(unigram_model(vocabulary(), settings));
      return status.ok() ? Status() : Error{status.ToString()};
    } catch (const std::exception& exception) {  // of its double array
      return Error{exception.what()};
    }
  }

  bool strips_leading_space() const override { return add_space_prefix_; }

 private:
  Status encode_text(std::string_view text, bool, std::vector<TokenId>& ids) const override {
    std::vector<int> part_ids;
    const auto status = processor_.Encode({text.data(), text.size()}, &part_ids);
    if (!status.ok()) return Error{"the text cannot be encoded: " + status.ToString()};
    ids.insert(ids.end(), part_ids.begin(), part_ids.end());
    return {};
  }

  std::string text_of(TokenId id) const override {
    if (vocabulary().type(id) == PieceType::kByte) {
      if (const auto byte = vocabulary().byte_of(id))
        return std::string(1, static_cast<char>(*byte));
    }
    return unescape_spaces(vocabulary().piece(id));
  }

  bool add_space_prefix_;
  sentencepiece::SentencePieceProcessor processor_;
};

Result<std::string> read_charsmap(const gguf::File& file) {
  constexpr std::string_view kKey = "tokenizer.ggml.precompiled_charsmap";
  auto array = file.array(kKey);
  if (!array) return array.error();
  std::string charsmap;
  if (!*array) return charsmap;
  if (!(*array)->is_integer()) {
    return Error{fmt::format("{}: {} must be an array of bytes", file.path().string(), kKey)};
  }
  charsmap.reserve((*array)->size());
  for (std::size_t i = 0; i < (*array)->size(); ++i) {
    charsmap += static_cast<char>((*array)->integer(i));
  }
  if (charsmap.empty()) return charsmap;
  if (Status status = check_charsmap(charsmap); !status) {
    return Error{fmt::format("{}: {}: {}", file.path().string(), kKey, status.error().message)};
  }
  return charsmap;
}

Result<UnigramSettings> read_settings(const gguf::File& file) {
  auto charsmap = read_charsmap(file);
  if (!charsmap) return charsmap.error();
  auto add_space_prefix = file.boolean("tokenizer.ggml.add_space_prefix");
  if (!add_space_prefix) return add_space_prefix.error();
  auto remove_extra_spaces = file.boolean("tokenizer.ggml.remove_extra_whitespaces");
  if (!remove_extra_spaces) return remove_extra_spaces.error();
  return UnigramSettings{std::move(*charsmap), add_space_prefix->value_or(false),
                         remove_extra_spaces->value_or(false)};
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> make_unigram_tokenizer(const gguf::File& file,
                                                          std::string_view) {
  auto vocabulary = Vocabulary::read(file, {.add_eos = true, .eos = 1, .unknown = 2});
  if (!vocabulary) return vocabulary.error();
  auto special_tokens = SpecialTokens::read(file, *vocabulary);
  if (!special_tokens) return special_tokens.error();
  auto settings = read_settings(file);
  if (!settings) return settings.error();
  auto tokenizer = std::make_unique<UnigramTokenizer>(
      std::move(*vocabulary), std::move(*special_tokens), settings->add_space_prefix);
  if (Status status = tokenizer->load(*settings); !status) {
    return Error{fmt::format("{}: the vocabulary is not a SentencePiece one: {}",
                             file.path().string(), status.error().message)};
  }
  return std::unique_ptr<Tokenizer>(std::move(tokenizer));
}

}  // namespace linnet
