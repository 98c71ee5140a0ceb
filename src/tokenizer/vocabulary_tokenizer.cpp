#include "tokenizer/vocabulary_tokenizer.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.hpp"
#include "tokenizer/cancellation_check.hpp"
#include "tokenizer/unicode.hpp"

namespace linnet {
namespace {

// Places in a text are 32-bit numbers in the merge queue; escaped spaces take three bytes.
constexpr std::size_t kMostTextBytes = std::size_t{1} << 29;

bool lacks_any(std::span<const TokenId> ids) {
  return std::ranges::find(ids, kNoToken) != ids.end();
}

}  // namespace

Result<std::vector<TokenId>> VocabularyTokenizer::encode(std::string_view text,
                                                         const EncodeOptions& options) const {
  if (text.size() > kMostTextBytes) {
    return Error{
        fmt::format("the text has {} bytes, expected at most {}", text.size(), kMostTextBytes)};
  }
  if (!is_valid_utf8(text)) return Error{"the text is not valid UTF-8"};
  std::vector<TokenId> ids;
  const TokensAround& around = vocabulary_.around();
  if (options.add_special) ids = around.before;
  Setting setting{.after_special = true, .is_given_up = options.is_given_up};
  CancellationCheck cancelled(options.is_given_up);
  const auto parts = special_tokens_.split(text, options.parse_special, options.plain, cancelled);
  for (const TextPart& part : parts) {
    const std::size_t before = ids.size();
    if (part.token) {
      ids.push_back(*part.token);
    } else if (Status status = encode_text(part.text, setting, ids); !status) {
      return status.error();
    } else if (cancelled.now()) {
      break;
    } else if (lacks_any(std::span(ids).subspan(before))) {
      return no_token_for(part.text);
    }
    setting.after_special = part.token.has_value();
  }
  if (cancelled.now()) return Error{"the text is not wanted any more"};
  if (options.add_special) ids.insert(ids.end(), around.after.begin(), around.after.end());
  return ids;
}

std::int64_t VocabularyTokenizer::fewest_tokens(std::size_t text_bytes) const {
  if (most_token_bytes_ == 0) return 0;
  return static_cast<std::int64_t>((text_bytes + most_token_bytes_ - 1) / most_token_bytes_);
}

// Special tokens that swallow the spaces beside them may stand for any number of bytes.
void VocabularyTokenizer::bound_token_bytes(std::size_t bytes) {
  if (special_tokens_.strip_any()) return;
  for (TokenId id = 0; id < vocabulary_.size(); ++id) {
    const std::string_view piece = vocabulary_.piece(id);
    // A user-defined one is also found with its spaces as U+2581.
    const auto spaces = static_cast<std::size_t>(std::ranges::count(piece, ' '));
    bytes = std::max(bytes, piece.size() + spaces * (kSpaceMark.size() - 1));
  }
  most_token_bytes_ = bytes;
}

// Other programs leave such characters out without a word; then the model is asked something else
// than what was written.
Error VocabularyTokenizer::no_token_for(std::string_view text) const {
  constexpr std::string_view kProblem = "the model's vocabulary has no token for ";
  for (std::size_t i = 0; i < text.size(); i += utf8_length(text[i])) {
    const std::string_view character = text.substr(i, utf8_length(text[i]));
    std::vector<TokenId> ids;
    const Status status = encode_text(character, Setting(), ids);
    if (!status || !lacks_any(ids)) continue;
    const auto code_point = static_cast<std::uint32_t>(first_code_point(character));
    return Error{fmt::format("{}U+{:04X} ('{}')", kProblem, code_point, character)};
  }
  return Error{fmt::format("{}something in the text", kProblem)};
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
