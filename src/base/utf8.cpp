#include "base/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace linnet {

Character first_character(std::string_view text) {
  using Kind = Character::Kind;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {Kind::kComplete, 1};
  const std::size_t length = lead < 0xc2   ? 0
                             : lead < 0xe0 ? 2
                             : lead < 0xf0 ? 3
                             : lead < 0xf5 ? 4
                                           : 0;
  if (length == 0) return {Kind::kInvalid, 1};
  for (std::size_t i = 1; i < length; ++i) {
    if (i == text.size()) return {Kind::kIncomplete, i};
    unsigned char low = 0x80, high = 0xbf;
    if (i == 1 && lead == 0xe0) low = 0xa0;   // overlong
    if (i == 1 && lead == 0xed) high = 0x9f;  // surrogates
    if (i == 1 && lead == 0xf0) low = 0x90;   // overlong
    if (i == 1 && lead == 0xf4) high = 0x8f;  // beyond U+10FFFF
    if (byte(i) < low || byte(i) > high) return {Kind::kInvalid, i};
  }
  return {Kind::kComplete, length};
}

bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    // Eight bytes at a time if all are ASCII.
    std::uint64_t eight = 0;
    while (text.size() >= sizeof(eight)) {
      std::memcpy(&eight, text.data(), sizeof(eight));
      if ((eight & 0x8080808080808080u) != 0) break;
      text.remove_prefix(sizeof(eight));
    }
    if (text.empty()) break;
    const Character character = first_character(text);
    if (character.kind != Character::Kind::kComplete) return false;
    text.remove_prefix(character.bytes);
  }
  return true;
}

char32_t first_code_point(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t length = utf8_length(text[0]);
  if (length == 1) return byte(0);
  char32_t result = byte(0) & (0xff >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) result = result << 6 | (byte(i) & 0x3f);
  return result;
}

std::optional<char32_t> take_character(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  const Character first = first_character(text);
  if (first.kind != Character::Kind::kComplete) return std::nullopt;
  const char32_t code_point = first_code_point(text);
  text.remove_prefix(first.bytes);
  return code_point;
}

std::string shortened(std::string_view text, std::size_t most_bytes) {
  if (text.size() <= most_bytes) return std::string(text);
  std::size_t end = most_bytes;
  while (end > 0 && is_continuation(text[end])) --end;
  return std::string(text.substr(0, end)) + "...";
}

void append_utf8(std::string& text, char32_t code_point) {
  const auto byte = [&](char32_t value) { text.push_back(static_cast<char>(value)); };
  if (code_point < 0x80) return byte(code_point);
  if (code_point < 0x800) {
    byte(0xc0 | code_point >> 6);
  } else if (code_point < 0x10000) {
    byte(0xe0 | code_point >> 12);
    byte(0x80 | (code_point >> 6 & 0x3f));
  } else {
    byte(0xf0 | code_point >> 18);
    byte(0x80 | (code_point >> 12 & 0x3f));
    byte(0x80 | (code_point >> 6 & 0x3f));
  }
  byte(0x80 | (code_point & 0x3f));
}

}  // namespace linnet
