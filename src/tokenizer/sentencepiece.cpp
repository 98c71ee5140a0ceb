#include <fmt/format.h>
#include <sentencepiece_processor.h>

#include "tokenizer/kinds.hpp"
#include "tokenizer/sentencepiece_model.hpp"
#include "tokenizer/vocabulary.hpp"

namespace linnet {
namespace {

constexpr std::string_view kSpace = "\xe2\x96\x81";  // U+2581, which stands for a space in pieces

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// The byte of a piece like <0x0A>.
std::optional<char> byte_of(std::string_view piece) {
  if (piece.size() != 6 || !piece.starts_with("<0x") || piece.back() != '>') return std::nullopt;
  const int high = hex_digit(piece[3]), low = hex_digit(piece[4]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<char>(high * 16 + low);
}

std::string with_spaces(std::string_view piece) {
  std::string text;
  for (std::size_t i = 0; i < piece.size();) {
    if (piece.substr(i).starts_with(kSpace)) {
      text += ' ';
      i += kSpace.size();
    } else {
      text += piece[i++];
    }
  }
  return text;
}

class SentencePieceTokenizer final : public Tokenizer {
 public:
  SentencePieceTokenizer(Vocabulary vocabulary, bool add_space_prefix)
      : vocabulary_(std::move(vocabulary)), add_space_prefix_(add_space_prefix) {}

  Status load(const std::string& file_name) {
    const auto with_prefix = with_prefix_.LoadFromSerializedProto(
        sentencepiece_model(vocabulary_, /*add_dummy_prefix=*/add_space_prefix_));
    const auto without_prefix = without_prefix_.LoadFromSerializedProto(
        sentencepiece_model(vocabulary_, /*add_dummy_prefix=*/false));
    if (with_prefix.ok() && without_prefix.ok()) return {};
    return Error{fmt::format("{}: the vocabulary is not a SentencePiece one: {}", file_name,
                             (with_prefix.ok() ? without_prefix : with_prefix).ToString())};
  }

  Result<std::vector<TokenId>> encode(std::string_view text,
                                      const EncodeOptions& options) const override {
    if (!is_valid_utf8(text)) return Error{"the text is not valid UTF-8"};
    std::vector<TokenId> ids;
    if (options.add_special && vocabulary_.adds_bos() && vocabulary_.bos()) {
      ids.push_back(*vocabulary_.bos());
    }
    // As in llama.cpp, the space goes before the first text and after each special token.
    bool after_special = true;
    for (const TextPart& part : split_special(vocabulary_, text, options.parse_special)) {
      if (part.token) {
        ids.push_back(*part.token);
        after_special = true;
        continue;
      }
      std::vector<int> part_ids;
      const auto& processor = after_special ? with_prefix_ : without_prefix_;
      const auto status = processor.Encode({part.text.data(), part.text.size()}, &part_ids);
      if (!status.ok()) return Error{"the text cannot be encoded: " + status.ToString()};
      ids.insert(ids.end(), part_ids.begin(), part_ids.end());
      after_special = false;
    }
    if (options.add_special && vocabulary_.adds_eos() && vocabulary_.eos()) {
      ids.push_back(*vocabulary_.eos());
    }
    return ids;
  }

  std::string token_bytes(TokenId id, bool show_special) const override {
    if (!vocabulary_.contains(id)) return "";
    const std::string_view piece = vocabulary_.piece(id);
    if (vocabulary_.is_control(id)) return show_special ? std::string(piece) : "";
    if (vocabulary_.type(id) == PieceType::kByte) {
      if (const auto byte = byte_of(piece)) return std::string(1, *byte);
    }
    return with_spaces(piece);
  }

  bool strips_leading_space() const override { return add_space_prefix_; }
  std::int64_t vocabulary_size() const override { return vocabulary_.size(); }
  std::string_view piece(TokenId id) const override {
    return vocabulary_.contains(id) ? vocabulary_.piece(id) : std::string_view();
  }
  std::optional<TokenId> bos() const override { return vocabulary_.bos(); }
  std::optional<TokenId> eos() const override { return vocabulary_.eos(); }
  bool is_end_of_generation(TokenId id) const override {
    return vocabulary_.is_end_of_generation(id);
  }
  bool is_control(TokenId id) const override { return vocabulary_.is_control(id); }

 private:
  Vocabulary vocabulary_;
  bool add_space_prefix_;
  sentencepiece::SentencePieceProcessor with_prefix_, without_prefix_;
};

}  // namespace

Result<std::unique_ptr<Tokenizer>> make_sentencepiece_tokenizer(const gguf::File& file,
                                                                std::string_view) {
  auto vocabulary =
      Vocabulary::read(file, {.add_bos = true, .add_eos = false, .bos = 1, .eos = 2, .unknown = 0});
  if (!vocabulary) return vocabulary.error();
  auto add_space_prefix = file.boolean("tokenizer.ggml.add_space_prefix");
  if (!add_space_prefix) return add_space_prefix.error();
  auto tokenizer = std::make_unique<SentencePieceTokenizer>(std::move(*vocabulary),
                                                            add_space_prefix->value_or(true));
  if (Status status = tokenizer->load(file.path().string()); !status) return status.error();
  return std::unique_ptr<Tokenizer>(std::move(tokenizer));
}

}  // namespace linnet
