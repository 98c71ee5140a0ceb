#include <cstdint>

#include "tokenizer/tokenizer.hpp"
#include "tokenizer/vocabulary.hpp"

namespace linnet {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

enum class Sequence { kComplete, kIncomplete, kInvalid };

// What stands at the beginning of `text`, and how many bytes of it belong together
// (https://www.unicode.org/versions/Unicode15.0.0/ch03.pdf, table 3-7).
struct Character {
  Sequence kind;
  std::size_t bytes;
};

Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {Sequence::kComplete, 1};
  const std::size_t length = lead < 0xc2   ? 0
                             : lead < 0xe0 ? 2
                             : lead < 0xf0 ? 3
                             : lead < 0xf5 ? 4
                                           : 0;
  if (length == 0) return {Sequence::kInvalid, 1};
  for (std::size_t i = 1; i < length; ++i) {
    if (i == text.size()) return {Sequence::kIncomplete, i};
    unsigned char low = 0x80, high = 0xbf;
    if (i == 1 && lead == 0xe0) low = 0xa0;   // overlong
    if (i == 1 && lead == 0xed) high = 0x9f;  // surrogates
    if (i == 1 && lead == 0xf0) low = 0x90;   // overlong
    if (i == 1 && lead == 0xf4) high = 0x8f;  // beyond U+10FFFF
    if (byte(i) < low || byte(i) > high) return {Sequence::kInvalid, i};
  }
  return {Sequence::kComplete, length};
}

}  // namespace

bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const Character character = first_character(text);
    if (character.kind != Sequence::kComplete) return false;
    text.remove_prefix(character.bytes);
  }
  return true;
}

std::string Detokenizer::push(TokenId id) {
  std::string bytes = tokenizer_.token_bytes(id, show_special_);
  if (at_start_ && !bytes.empty()) {
    if (tokenizer_.strips_leading_space() && bytes.front() == ' ') bytes.erase(0, 1);
    at_start_ = false;
  }
  pending_ += bytes;
  std::string text;
  std::string_view rest = pending_;
  while (!rest.empty()) {
    const Character character = first_character(rest);
    if (character.kind == Sequence::kIncomplete) break;
    text += character.kind == Sequence::kComplete ? rest.substr(0, character.bytes) : kReplacement;
    rest.remove_prefix(character.bytes);
  }
  pending_ = std::string(rest);  // at most three bytes
  return text;
}

std::string Detokenizer::finish() {
  const bool incomplete = !pending_.empty();
  pending_.clear();
  return incomplete ? std::string(kReplacement) : std::string();
}

}  // namespace linnet
