#include "tokenizer/pre_tokenizer.hpp"
#include "tokenizer/unicode.hpp"

namespace linnet {
namespace {

constexpr std::size_t kMost = 512;

bool ends_line(char32_t c) { return c == U'\r' || c == U'\n'; }

// Behind the next kMost characters.
std::size_t end_of_piece(std::string_view text, std::size_t begin) {
  for (std::size_t i = 0; i < kMost; ++i) begin += utf8_length(text[begin]);
  return begin;
}

}  // namespace

void cut_spaces_by_512(std::string_view text, const std::function<void(std::string_view)>& emit) {
  std::size_t done = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t first = at, count = 0;  // of the spaces behind the last line end
    while (at < text.size()) {
      const char32_t c = first_code_point(text.substr(at));
      if (!is_white_space(c)) break;
      at += utf8_length(text[at]);
      count = ends_line(c) ? 0 : count + 1;
      if (count == 0) first = at;
    }
    for (; count > kMost; count -= kMost) {
      if (first > done) emit(text.substr(done, first - done));
      done = end_of_piece(text, first);
      emit(text.substr(first, done - first));
      first = done;
    }
    if (at < text.size()) at += utf8_length(text[at]);
  }
  if (done < text.size()) emit(text.substr(done));
}

}  // namespace linnet
