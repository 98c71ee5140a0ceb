#include <utf8proc.h>

#include "tokenizer/pre_tokenizer.hpp"
#include "tokenizer/unicode.hpp"

namespace linnet {
namespace {

using Emit = std::function<void(std::string_view)>;
using IsDigit = bool (*)(char32_t);

utf8proc_category_t category(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

bool is_decimal(char32_t c) { return category(c) == UTF8PROC_CATEGORY_ND; }

bool is_number(char32_t c) {
  const auto kind = category(c);
  return kind == UTF8PROC_CATEGORY_ND || kind == UTF8PROC_CATEGORY_NL ||
         kind == UTF8PROC_CATEGORY_NO;
}

// \w of Unicode's regular expressions (https://www.unicode.org/reports/tr18/#word).
bool is_word(char32_t c) {
  const auto kind = category(c);
  return (kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_ND) ||
         kind == UTF8PROC_CATEGORY_PC;
}

bool ends_line(char32_t c) { return c == U'\r' || c == U'\n'; }

struct Run {
  std::size_t begin, end;
  std::size_t characters;
};

// The next run of digits from `from` on; empty, at the end, if there is none.
Run next_run(std::string_view text, std::size_t from, IsDigit is_digit) {
  Run run{from, from, 0};
  while (run.begin < text.size() && !is_digit(first_code_point(text.substr(run.begin)))) {
    run.begin += utf8_length(text[run.begin]);
  }
  run.end = run.begin;
  while (run.end < text.size() && is_digit(first_code_point(text.substr(run.end)))) {
    run.end += utf8_length(text[run.end]);
    ++run.characters;
  }
  return run;
}

std::string_view take(std::string_view& text, std::size_t characters) {
  std::size_t bytes = 0;
  for (; characters > 0; --characters) bytes += utf8_length(text[bytes]);
  const std::string_view taken = text.substr(0, bytes);
  text.remove_prefix(bytes);
  return taken;
}

void emit_in_threes(std::string_view digits, std::size_t count, const Emit& emit) {
  if (count % 3 != 0) emit(take(digits, count % 3));
  while (!digits.empty()) emit(take(digits, 3));
}

}  // namespace

void cut_numbers_in_threes(std::string_view text, const Emit& emit) {
  std::size_t done = 0;
  while (done < text.size()) {
    const Run run = next_run(text, done, is_number);
    if (run.begin > done) emit(text.substr(done, run.begin - done));
    emit_in_threes(text.substr(run.begin, run.end - run.begin), run.characters, emit);
    done = run.end;
  }
}

void cut_word_end_digits_in_threes(std::string_view text, const Emit& emit) {
  std::size_t done = 0;
  std::size_t from = 0;
  while (from < text.size()) {
    const Run run = next_run(text, from, is_decimal);
    from = run.end;
    const bool ends_word =
        run.end == text.size() || !is_word(first_code_point(text.substr(run.end)));
    if (run.characters == 0 || !ends_word) continue;
    if (run.begin > done) emit(text.substr(done, run.begin - done));
    emit_in_threes(text.substr(run.begin, run.end - run.begin), run.characters, emit);
    done = run.end;
  }
  if (done < text.size()) emit(text.substr(done));
}

void cut_before_groups_of_three(std::string_view text, const Emit& emit) {
  std::size_t done = 0;
  std::size_t from = 0;
  while (from < text.size()) {
    const Run run = next_run(text, from, is_decimal);
    from = run.end;
    if (run.characters < 3) continue;
    std::string_view digits = text.substr(run.begin, run.end - run.begin);
    take(digits, run.characters % 3);
    const std::size_t first_group = run.end - digits.size();
    if (first_group > done) emit(text.substr(done, first_group - done));
    while (digits.size() > 0) {
      const std::string_view group = take(digits, 3);
      if (!digits.empty()) {
        emit(group);
      } else {
        done = run.end - group.size();  // the last group stays with what comes after
      }
    }
  }
  if (done < text.size()) emit(text.substr(done));
}

void cut_spaces_by_512(std::string_view text, const Emit& emit) {
  constexpr std::size_t kMost = 512;
  std::size_t done = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    Run spaces{at, at, 0};  // after the last line end
    for (; spaces.end < text.size(); spaces.end += utf8_length(text[spaces.end])) {
      const char32_t c = first_code_point(text.substr(spaces.end));
      if (!is_white_space(c)) break;
      if (ends_line(c)) {
        spaces = {spaces.end + 1, spaces.end, 0};
      } else {
        ++spaces.characters;
      }
    }
    at = spaces.end;
    if (spaces.characters > kMost) {
      if (spaces.begin > done) emit(text.substr(done, spaces.begin - done));
      std::string_view left = text.substr(spaces.begin, at - spaces.begin);
      for (; spaces.characters > kMost; spaces.characters -= kMost) emit(take(left, kMost));
      done = at - left.size();
    }
    if (at < text.size()) at += utf8_length(text[at]);
  }
  if (done < text.size()) emit(text.substr(done));
}

}  // namespace linnet
