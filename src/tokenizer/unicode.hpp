#pragma once

#include <string>
#include <string_view>

#include "base/utf8.hpp"

namespace linnet {

/// U+2581, which stands for a space in the pieces of SentencePiece and its kin.
inline constexpr std::string_view kSpaceMark = "\xe2\x96\x81";
/// The property White_Space. (PCRE2's and C's ideas of space differ from it.)
bool is_white_space(char32_t code_point);

/// Normalisation form C of valid UTF-8; text that needs no change, which is most, is passed fast.
/// A normalised copy goes to `storage`, and the result is a view of `text` or `storage`.
std::string_view to_nfc(std::string_view text, std::string& storage);
/// Normalisation form D of valid UTF-8.
std::string to_nfd(std::string_view text);

/// `text` with every space as U+2581, and a piece with every U+2581 as a space.
std::string escape_spaces(std::string_view text);
std::string unescape_spaces(std::string_view piece);

}  // namespace linnet
