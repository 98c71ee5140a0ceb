#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace linnet {

/// The value of a hexadecimal digit, -1 if `c` is none.
constexpr int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/// The byte that the first two characters of `text` spell; nothing if they are no digits.
constexpr std::optional<std::uint8_t> hex_byte(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  const int high = hex_digit(text[0]), low = hex_digit(text[1]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<std::uint8_t>(high * 16 + low);
}

}  // namespace linnet
