#include "chat/jinja/unicode.hpp"

#include <utf8proc.h>

#include <cstring>

namespace linnet::jinja {
namespace {

utf8proc_category_t category(char32_t character) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(character));
}

bool is_in(char32_t character, utf8proc_category_t first, utf8proc_category_t last) {
  const utf8proc_category_t found = category(character);
  return found >= first && found <= last;
}

std::string encoded(char32_t character) {
  std::string text;
  append_character(text, character);
  return text;
}

}  // namespace

Character character_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u;
  };
  const char32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const auto low = [&](std::size_t i) { return static_cast<char32_t>(byte(i) & 0x3f); };
  if (lead < 0xe0) return {(lead & 0x1f) << 6 | low(1), 2};
  if (lead < 0xf0) return {(lead & 0x0f) << 12 | low(1) << 6 | low(2), 3};
  return {(lead & 0x07) << 18 | low(1) << 12 | low(2) << 6 | low(3), 4};
}

std::size_t previous_character(std::string_view text, std::size_t at) {
  do {
    --at;
  } while (at > 0 && is_continuation(text[at]));
  return at;
}

void append_character(std::string& text, char32_t character) {
  const bool exists = utf8proc_codepoint_valid(static_cast<utf8proc_int32_t>(character));
  append_utf8(text, exists ? character : U'\ufffd');
}

std::size_t count_characters(std::string_view text) {
  std::size_t count = 0;
  for (const char byte : text) count += !is_continuation(byte);
  return count;
}

std::size_t byte_of_character(std::string_view text, std::size_t index) {
  std::size_t at = 0;
  for (; index > 0 && at < text.size(); --index) {
    do {
      ++at;
    } while (at < text.size() && is_continuation(text[at]));
  }
  return at;
}

bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
         c == 0x205f || c == 0x3000;
}

bool is_line_break(char32_t c) {
  return (c >= 0x0a && c <= 0x0d) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

bool is_letter(char32_t c) { return is_in(c, UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_LO); }
bool is_decimal(char32_t c) { return category(c) == UTF8PROC_CATEGORY_ND; }
bool is_digit(char32_t c) {
  const bool raised = c == 0xb2 || c == 0xb3 || c == 0xb9 || c == 0x2070;
  return is_decimal(c) || raised || (c >= 0x2074 && c <= 0x2079) || (c >= 0x2080 && c <= 0x2089);
}
bool is_upper(char32_t c) { return category(c) == UTF8PROC_CATEGORY_LU; }
bool is_lower(char32_t c) { return category(c) == UTF8PROC_CATEGORY_LL; }
bool is_cased(char32_t c) { return is_in(c, UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_LT); }

bool is_word(char32_t c) {
  return c == '_' || is_letter(c) || is_in(c, UTF8PROC_CATEGORY_ND, UTF8PROC_CATEGORY_NO);
}

bool is_printable(char32_t c) {
  if (c == ' ') return true;
  const utf8proc_category_t found = category(c);
  return found != UTF8PROC_CATEGORY_CN && !is_in(c, UTF8PROC_CATEGORY_ZS, UTF8PROC_CATEGORY_CO);
}

std::string to_upper(char32_t c) {
  if (c == 0xdf) return "SS";
  return encoded(static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c))));
}

std::string to_lower(char32_t c) {
  if (c == 0x130) return "i\xcc\x87";
  return encoded(static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
}

std::string fold_case(char32_t c) {
  utf8proc_int32_t folded[4];  // no character becomes more than three
  const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), folded, 4,
                                             UTF8PROC_CASEFOLD, nullptr);
  std::string result;
  for (utf8proc_ssize_t i = 0; i < count; ++i) result += encoded(static_cast<char32_t>(folded[i]));
  return result;
}

std::string to_title(char32_t c) {
  if (c == 0xdf) return "Ss";
  return encoded(static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(c))));
}

std::size_t find_text(std::string_view text, std::string_view needle, std::size_t from) {
  if (from > text.size()) return std::string_view::npos;
  if (needle.empty()) return from;
  // glibc's memmem is linear; string_view::find is not.
  const void* found = memmem(text.data() + from, text.size() - from, needle.data(), needle.size());
  if (found == nullptr) return std::string_view::npos;
  return static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

}  // namespace linnet::jinja
