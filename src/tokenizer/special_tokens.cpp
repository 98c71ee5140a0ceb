#include "tokenizer/special_tokens.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "tokenizer/unicode.hpp"

namespace linnet {
namespace {

// A model that is known by a part of a metadata value, and which of its tokens swallow spaces.
struct StripRule {
  std::string_view key;
  std::string_view value_part;           // lower case
  std::string_view left;                 // this token strips the spaces before it
  bool all_right;                        // every special token strips the spaces after it ...
  std::array<std::string_view, 3> keep;  // ... but for these
};

constexpr std::string_view kPre = "tokenizer.ggml.pre";
constexpr std::string_view kArchitecture = "general.architecture";
constexpr std::string_view kName = "general.name";

constexpr std::array kStripRules = {
    StripRule{kPre, "jina-v2-de", "<mask>", false, {}},
    StripRule{kPre, "jina-v2-es", "<mask>", false, {}},
    StripRule{kPre, "jina-v2-code", "<mask>", false, {}},
    StripRule{kArchitecture, "nomic-bert-moe", "<mask>", false, {}},
    StripRule{kArchitecture, "jina-bert-v3", "<mask>", false, {}},
    StripRule{kName, "phi-3", "", true, {"<unk>", "<s>", "<|endoftext|>"}},
    StripRule{kName, "phi3", "", true, {"<unk>", "<s>", "<|endoftext|>"}},
    StripRule{kName, "modern-bert", "[MASK]", false, {}},
};

Result<bool> applies(const StripRule& rule, const gguf::File& file) {
  auto value = file.string(rule.key);
  if (!value) return value.error();
  std::string lower(value->value_or(""));
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower.find(rule.value_part) != std::string::npos;
}

std::size_t without_trailing_space(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0) {
    std::size_t begin = end - 1;
    while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xc0) == 0x80) --begin;
    if (!is_white_space(first_code_point(text.substr(begin)))) break;
    end = begin;
  }
  return end;
}

std::size_t leading_space(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size() && is_white_space(first_code_point(text.substr(i)))) {
    i += utf8_length(text[i]);
  }
  return i;
}

}  // namespace

Result<SpecialTokens> SpecialTokens::read(const gguf::File& file, const Vocabulary& vocabulary,
                                          bool escaped_spaces) {
  SpecialTokens result;
  result.strips_left_.assign(vocabulary.size(), false);
  result.strips_right_.assign(vocabulary.size(), false);
  std::vector<const StripRule*> rules;
  for (const StripRule& rule : kStripRules) {
    auto here = applies(rule, file);
    if (!here) return here.error();
    if (*here) rules.push_back(&rule);
  }
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    if (!vocabulary.is_control(id) && vocabulary.type(id) != PieceType::kUserDefined) continue;
    const std::string_view piece = vocabulary.piece(id);
    // Text is cut between characters only.
    if (!is_valid_utf8(piece)) continue;
    result.all_.insert(piece, id);
    if (!vocabulary.is_control(id)) {
      result.user_defined_.insert(piece, id);
      if (escaped_spaces) {
        result.all_.insert(escape_spaces(piece), id);
        result.user_defined_.insert(escape_spaces(piece), id);
      }
    }
    for (const StripRule* rule : rules) {
      if (piece == rule->left) result.strips_left_[id] = true;
      if (rule->all_right && std::count(rule->keep.begin(), rule->keep.end(), piece) == 0) {
        result.strips_right_[id] = true;
      }
      result.strip_any_ |= result.strips_left_[id] || result.strips_right_[id];
    }
  }
  return result;
}

std::vector<TextPart> SpecialTokens::split(std::string_view text, bool parse_special,
                                           std::span<const TextRange> plain,
                                           CancellationCheck& cancelled) const {
  std::vector<TextPart> parts;
  const ByteTrie& tokens = parse_special ? all_ : user_defined_;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size() && !cancelled.now_and_then();) {
    while (!plain.empty() && plain.front().end <= i) plain = plain.subspan(1);
    ByteTrie::Match match = tokens.longest(text.substr(i));
    if (match.bytes > 0 && !plain.empty() && plain.front().begin < i + match.bytes) {
      match = user_defined_.longest(text.substr(i));
    }
    if (match.bytes == 0) {
      ++i;
      continue;
    }
    std::string_view before = text.substr(begin, i - begin);
    if (strips_left_[match.token]) before = before.substr(0, without_trailing_space(before));
    if (!before.empty()) parts.push_back({before, std::nullopt});
    parts.push_back({{}, match.token});
    i += match.bytes;
    if (strips_right_[match.token]) i += leading_space(text.substr(i));
    begin = i;
  }
  if (begin < text.size()) parts.push_back({text.substr(begin), std::nullopt});
  return parts;
}

}  // namespace linnet
