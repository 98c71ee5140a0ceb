#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace linnet {

/// U+2581, which stands for a space in the pieces of SentencePiece and its kin.
inline constexpr std::string_view kSpaceMark = "\xe2\x96\x81";
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

/// The code point at the beginning of `text`, which must be valid UTF-8 and not empty.
char32_t first_code_point(std::string_view text);
void append_utf8(std::string& text, char32_t code_point);

/// The property White_Space. (PCRE2's and C's ideas of space differ from it.)
bool is_white_space(char32_t code_point);

/// Normalisation form C of valid UTF-8; text that needs no change, which is most, is passed fast.
/// A normalised copy goes to `storage`, and the result is a view of `text` or `storage`.
std::string_view to_nfc(std::string_view text, std::string& storage);

/// `text` with every space as U+2581, and a piece with every U+2581 as a space.
std::string escape_spaces(std::string_view text);
std::string unescape_spaces(std::string_view piece);

}  // namespace linnet
