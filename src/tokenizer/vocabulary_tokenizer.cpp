#include "tokenizer/vocabulary_tokenizer.hpp"

#include <fmt/format.h>

#include "tokenizer/unicode.hpp"

namespace linnet {
namespace {

// Places in a text are 32-bit numbers in the merge queue; escaped spaces take three bytes.
constexpr std::size_t kMostTextBytes = std::size_t{1} << 29;

}  // namespace

Result<std::vector<TokenId>> VocabularyTokenizer::encode(std::string_view text,
                                                         const EncodeOptions& options) const {
  if (text.size() > kMostTextBytes) {
    return Error{
        fmt::format("the text has {} bytes, expected at most {}", text.size(), kMostTextBytes)};
  }
  if (!is_valid_utf8(text)) return Error{"the text is not valid UTF-8"};
  std::vector<TokenId> ids;
  if (options.add_special) {
    ids.insert(ids.end(), vocabulary_.before_text().begin(), vocabulary_.before_text().end());
  }
  bool after_special = true;
  for (const TextPart& part : special_tokens_.split(text, options.parse_special, options.plain)) {
    if (part.token) {
      ids.push_back(*part.token);
    } else if (Status status = encode_text(part.text, after_special, ids); !status) {
      return status.error();
    }
    after_special = part.token.has_value();
  }
  if (options.add_special) {
    ids.insert(ids.end(), vocabulary_.after_text().begin(), vocabulary_.after_text().end());
  }
  return ids;
}

std::string VocabularyTokenizer::token_bytes(TokenId id, bool show_special) const {
  if (!vocabulary_.contains(id)) return "";
  if (vocabulary_.is_control(id)) return show_special ? std::string(vocabulary_.piece(id)) : "";
  if (vocabulary_.type(id) == PieceType::kUserDefined) return std::string(vocabulary_.piece(id));
  return text_of(id);
}

std::optional<std::string> VocabularyTokenizer::byte_text_of(TokenId id) const {
  if (vocabulary_.type(id) != PieceType::kByte) return std::nullopt;
  const auto byte = vocabulary_.byte_of(id);
  return byte ? std::optional(std::string(1, static_cast<char>(*byte))) : std::nullopt;
}

std::string VocabularyTokenizer::escaped_text_of(TokenId id) const {
  const auto byte = byte_text_of(id);
  return byte ? *byte : unescape_spaces(vocabulary_.piece(id));
}

std::string_view VocabularyTokenizer::piece(TokenId id) const {
  return vocabulary_.contains(id) ? vocabulary_.piece(id) : std::string_view();
}

bool VocabularyTokenizer::is_end_of_generation(TokenId id) const {
  return vocabulary_.is_end_of_generation(id);
}

}  // namespace linnet
