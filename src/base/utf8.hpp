#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace linnet {

/// U+FFFD in UTF-8.
inline constexpr std::string_view kReplacement = "\xef\xbf\xbd";

/// What stands at the beginning of a text, and how many of its bytes belong together
/// (https://www.unicode.org/versions/Unicode15.0.0/ch03.pdf, table 3-7).
struct Character {
  enum class Kind { kComplete, kIncomplete, kInvalid } kind;
  std::size_t bytes;
};

/// `text` must not be empty.
Character first_character(std::string_view text);

/// True if `text` is well-formed UTF-8 (no overlong forms, no surrogates).
bool is_valid_utf8(std::string_view text);

/// Bytes of the character that begins with `lead`, in valid UTF-8.
constexpr std::size_t utf8_length(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

/// True for the second and later bytes of a character.
constexpr bool is_continuation(char byte) { return (byte & 0xc0) == 0x80; }

/// True for what is no text but a command to a terminal: C0, DEL and C1 (U+0080 to U+009F).
constexpr bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7f && c < 0xa0); }

/// The code point at the beginning of `text`, which must be valid UTF-8 and not empty.
char32_t first_code_point(std::string_view text);

/// Takes the first character off `text`. Nothing, and `text` unchanged, if it is empty or begins
/// with bytes that are not valid UTF-8.
std::optional<char32_t> take_character(std::string_view& text);

/// `text` as a message may quote it: at most `most_bytes` of it, "..." after them if more was
/// there. No character of valid UTF-8 is cut.
std::string shortened(std::string_view text, std::size_t most_bytes = 100);

/// Adds the UTF-8 form of `code_point`, which is at most U+10FFFF.
void append_utf8(std::string& text, char32_t code_point);

}  // namespace linnet
