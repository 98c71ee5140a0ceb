#include "tokenizer/unicode.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

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

void append_nfc(std::string& out, std::string_view text) {
  utf8proc_uint8_t* normalised = nullptr;
  const auto length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &normalised,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(normalised, &std::free);
  // It fails for want of memory only, as the text is valid UTF-8.
  if (length < 0) {
    out += text;
  } else {
    out.append(reinterpret_cast<const char*>(normalised), static_cast<std::size_t>(length));
  }
}

// A stretch of text from `from` on that is not inert, with the character before it, which it may
// compose with; empty, at the end of the text, where there is none.
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
