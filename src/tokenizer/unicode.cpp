#include "tokenizer/unicode.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace linnet {
namespace {

// Characters that normalisation form C neither changes nor composes with what stands before them.
// The list is incomplete on purpose: it holds what most text is made of.
constexpr bool is_inert(char32_t c) {
  return c < 0x300 || (c >= 0x400 && c <= 0x482) ||  // Latin, Cyrillic
         (c >= 0x2010 && c <= 0x2027) ||             // dashes, quotation marks, dots
         (c >= 0x3001 && c <= 0x3029) ||             // CJK punctuation
         (c >= 0x3041 && c <= 0x3096) || (c >= 0x30a1 && c <= 0x30fa) ||  // kana
         (c >= 0x4e00 && c <= 0x9fff) || (c >= 0xac00 && c <= 0xd7a3) ||  // Han, Hangul
         (c >= 0xff01 && c <= 0xff60) || (c >= 0x1f300 && c <= 0x1faff);  // wide forms, emoji
}

std::uint16_t combining_class(utf8proc_int32_t c) {
  return utf8proc_get_property(c)->combining_class;
}

// The canonical decomposition (https://www.unicode.org/reports/tr15). utf8proc's own of a whole
// text takes a time that is quadratic in the length of a run of combining marks.
std::vector<utf8proc_int32_t> decomposed(std::string_view text) {
  std::vector<utf8proc_int32_t> result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); i += utf8_length(text[i])) {
    const auto c = static_cast<utf8proc_int32_t>(first_code_point(text.substr(i)));
    std::array<utf8proc_int32_t, 16> parts = {c};  // no character has more than 4
    constexpr auto kOptions = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE);
    const auto count = utf8proc_decompose_char(c, parts.data(), parts.size(), kOptions, nullptr);
    result.insert(result.end(), parts.begin(), parts.begin() + std::clamp<int>(count, 1, 16));
  }
  const auto is_mark = [](utf8proc_int32_t c) { return combining_class(c) != 0; };
  for (auto begin = result.begin(); begin != result.end();) {
    begin = std::find_if(begin, result.end(), is_mark);
    const auto end = std::find_if_not(begin, result.end(), is_mark);
    std::stable_sort(begin, end, [](utf8proc_int32_t a, utf8proc_int32_t b) {
      return combining_class(a) < combining_class(b);
    });
    begin = end;
  }
  return result;
}

void append_nfc(std::string& out, std::string_view text) {
  std::vector<utf8proc_int32_t> characters = decomposed(text);
  const auto length =
      utf8proc_normalize_utf32(characters.data(), static_cast<utf8proc_ssize_t>(characters.size()),
                               static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  characters.resize(static_cast<std::size_t>(length));
  for (const utf8proc_int32_t c : characters) append_utf8(out, static_cast<char32_t>(c));
}

// A stretch of text from `from` on that is not inert, with the character before it, which it may
// compose with; empty, at the end of the text, if there is none.
struct Stretch {
  std::size_t begin, end;
};

Stretch next_stretch(std::string_view text, std::size_t from) {
  std::size_t before = from, i = from;
  while (i < text.size() && is_inert(first_code_point(text.substr(i)))) {
    before = i;
    i += utf8_length(text[i]);
  }
  if (i == text.size()) return {i, i};
  while (i < text.size() && !is_inert(first_code_point(text.substr(i)))) i += utf8_length(text[i]);
  return {before, i};
}

}  // namespace

bool is_white_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

std::string_view to_nfc(std::string_view text, std::string& storage) {
  storage.clear();
  std::size_t done = 0;
  while (done < text.size()) {
    const Stretch stretch = next_stretch(text, done);
    if (stretch.begin == text.size() && done == 0) return text;
    storage += text.substr(done, stretch.begin - done);
    append_nfc(storage, text.substr(stretch.begin, stretch.end - stretch.begin));
    done = stretch.end;
  }
  return storage;
}

std::string to_nfd(std::string_view text) {
  std::string result;
  for (const utf8proc_int32_t c : decomposed(text)) {
    append_utf8(result, static_cast<char32_t>(c));
  }
  return result;
}

std::string escape_spaces(std::string_view text) {
  std::string result;
  result.reserve(text.size() + text.size() / 2);
  for (const char c : text) {
    if (c == ' ') {
      result += kSpaceMark;
    } else {
      result += c;
    }
  }
  return result;
}

std::string unescape_spaces(std::string_view piece) {
  std::string text;
  for (std::size_t i = 0; i < piece.size();) {
    if (piece.substr(i).starts_with(kSpaceMark)) {
      text += ' ';
      i += kSpaceMark.size();
    } else {
      text += piece[i++];
    }
  }
  return text;
}

}  // namespace linnet
