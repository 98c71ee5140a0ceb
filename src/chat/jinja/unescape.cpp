#include "chat/jinja/unescape.hpp"

#include <charconv>

#include "chat/jinja/budget.hpp"
#include "chat/jinja/unicode.hpp"

namespace linnet::jinja {
namespace {

constexpr std::string_view kLetters = "\\'\"abfnrtv";
constexpr std::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";

std::size_t hexadecimal_digits(char kind) {
  return kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
}

// Reads `\x41` and the like at literal[at], after the backslash; the bytes read.
std::size_t append_hexadecimal(std::string_view literal, std::size_t at, std::string& text) {
  const std::size_t digits = hexadecimal_digits(literal[at]);
  const std::string_view number = literal.substr(at + 1, digits);
  std::uint32_t code = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), code, 16);
  if (error != std::errc() || number.size() < digits || end != number.data() + digits) {
    fail("a string has a broken \\{} escape", literal[at]);
  }
  append_character(text, code);
  return 1 + digits;
}

std::size_t append_octal(std::string_view literal, std::size_t at, std::string& text) {
  std::size_t count = 0;
  char32_t code = 0;
  while (count < 3 && at + count < literal.size() && literal[at + count] >= '0' &&
         literal[at + count] <= '7') {
    code = code * 8 + static_cast<char32_t>(literal[at + count++] - '0');
  }
  append_character(text, code);
  return count;
}

}  // namespace

std::string unescape(std::string_view literal) {
  std::string text;
  for (std::size_t at = 0; at < literal.size();) {
    const char c = literal[at++];
    if (c != '\\' || at == literal.size()) {
      text += c;
      continue;
    }
    const char kind = literal[at];
    const std::size_t letter = kLetters.find(kind);
    if (letter != std::string_view::npos) {
      text += kMeanings[letter];
      ++at;
    } else if (hexadecimal_digits(kind) > 0) {
      at += append_hexadecimal(literal, at, text);
    } else if (kind >= '0' && kind <= '7') {
      at += append_octal(literal, at, text);
    } else if (kind == 'N') {
      fail("a string has a \\N escape, which is not supported");
    } else if (kind == '\n') {
      ++at;  // the line goes on
    } else {
      text += '\\';
    }
  }
  return text;
}

}  // namespace linnet::jinja
