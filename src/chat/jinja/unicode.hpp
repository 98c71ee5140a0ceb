#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/utf8.hpp"

namespace linnet::jinja {

// Characters as Python's `str` has them. All texts here are valid UTF-8.

struct Character {
  char32_t value;
  std::size_t bytes;
};

/// The character that begins at byte `at` < text.size().
Character character_at(std::string_view text, std::size_t at);
/// The byte where the character before byte `at` > 0 begins.
std::size_t previous_character(std::string_view text, std::size_t at);
/// Appends `character`; U+FFFD if it is a surrogate or beyond U+10FFFF.
void append_character(std::string& text, char32_t character);
std::size_t count_characters(std::string_view text);
/// The byte where character `index` begins; text.size() if there are fewer.
std::size_t byte_of_character(std::string_view text, std::size_t index);

bool is_space(char32_t character);       ///< str.isspace, and \s of regular expressions
bool is_line_break(char32_t character);  ///< where str.splitlines breaks
bool is_word(char32_t character);        ///< \w of regular expressions
bool is_letter(char32_t character);      ///< str.isalpha
bool is_decimal(char32_t character);     ///< str.isdecimal
bool is_digit(char32_t character);       ///< str.isdigit: also superscripts and subscripts
bool is_cased(char32_t character);       ///< has an upper and a lower case
bool is_upper(char32_t character);
bool is_lower(char32_t character);
bool is_printable(char32_t character);  ///< str.isprintable

/// Upper, lower or title case; simple mappings, and those of ß and İ, which become two characters.
std::string to_upper(char32_t character);
std::string to_lower(char32_t character);
std::string to_title(char32_t character);
/// What is the same for characters that differ only in their case, by Unicode's full folding.
std::string fold_case(char32_t character);

/// Where `needle` first stands in `text` at or after `from`; npos if it does not. Linear time.
std::size_t find_text(std::string_view text, std::string_view needle, std::size_t from = 0);

}  // namespace linnet::jinja
