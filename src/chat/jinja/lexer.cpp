#include "chat/jinja/lexer.hpp"

#include <algorithm>
#include <array>

#include "chat/jinja/budget.hpp"
#include "chat/jinja/unescape.hpp"
#include "chat/jinja/unicode.hpp"

namespace linnet::jinja {
namespace {

constexpr auto kNowhere = std::string_view::npos;
constexpr std::size_t kLongestName = 1000;  // bytes; looking one up takes a time that grows with it

// Jinja2 knows lines by \n only, and drops one at the end of the template.
std::string normalize_newlines(std::string_view source) {
  std::string text;
  for (std::size_t i = 0; i < source.size(); ++i) {
    const bool is_pair = source[i] == '\r' && i + 1 < source.size() && source[i + 1] == '\n';
    if (!is_pair) text += source[i] == '\r' ? '\n' : source[i];
  }
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::size_t skip_spaces(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    const Character character = character_at(text, at);
    if (!is_space(character.value)) break;
    at += character.bytes;
  }
  return at;
}

std::size_t end_without_spaces(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0) {
    const std::size_t before = previous_character(text, end);
    if (!is_space(character_at(text, before).value)) break;
    end = before;
  }
  return end;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : text_(source) {}

  std::vector<Token> run() {
    while (at_ < text_.size()) read_outside();
    push(Token::Kind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail_here(std::string_view what) const { fail("line {}: {}", line_, what); }

  bool starts_with(std::string_view prefix) const { return text_.substr(at_).starts_with(prefix); }
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  void advance_to(std::size_t end) {
    line_ += static_cast<int>(std::count(text_.begin() + at_, text_.begin() + end, '\n'));
    if (end > at_) at_line_start_ = text_[end - 1] == '\n';
    at_ = end;
  }

  void push(Token::Kind kind, std::string text) {
    tokens_.push_back({kind, std::move(text), line_});
  }

  void read_outside() {
    std::size_t tag = at_;
    do {
      tag = text_.find('{', tag);
      if (tag == kNowhere) return push_text(text_.size());
    } while (!is_tag(tag) && ++tag);
    const char kind = text_[tag + 1];
    const char sign = tag + 2 < text_.size() ? text_[tag + 2] : '\0';
    push_text(text_end_before(tag, kind, sign));
    advance_to(tag);
    if (kind == '#') return skip_comment();
    if (kind == '%' && try_raw()) return;
    advance_to(tag + (sign == '-' || sign == '+' ? 3 : 2));
    push(kind == '%' ? Token::Kind::kBlockBegin : Token::Kind::kVariableBegin, "");
    read_inside(kind == '%');
  }

  bool is_tag(std::size_t at) const {
    const char next = at + 1 < text_.size() ? text_[at + 1] : '\0';
    return next == '{' || next == '%' || next == '#';
  }

  // `-` takes the space before a tag away; lstrip_blocks takes that on the tag's own line.
  std::size_t text_end_before(std::size_t tag, char kind, char sign) const {
    const std::string_view before = text_.substr(at_, tag - at_);
    if (sign == '-') return at_ + end_without_spaces(before);
    if (sign == '+' || kind == '{') return tag;
    const std::size_t newline = before.rfind('\n');
    const std::size_t line_begin = newline == kNowhere ? 0 : newline + 1;
    if (newline == kNowhere && !at_line_start_) return tag;
    const bool only_space = skip_spaces(before, line_begin) == before.size();
    return only_space ? at_ + line_begin : tag;
  }

  void push_text(std::size_t end) {
    if (end > at_) push(Token::Kind::kText, std::string(text_.substr(at_, end - at_)));
    advance_to(end);
  }

  // Past the end of a block or comment: `-` takes the space after it away, and trim_blocks one
  // newline.
  void close_tag(std::size_t sign_at) {
    const char sign = text_[sign_at];
    if (sign == '-') return advance_to(skip_spaces(text_, sign_at + 3));
    std::size_t end = sign_at + (sign == '+' ? 3 : 2);
    if (sign != '+' && end < text_.size() && text_[end] == '\n') ++end;
    advance_to(end);
  }

  void skip_comment() {
    const std::size_t begin = at_ + (peek(2) == '-' || peek(2) == '+' ? 3 : 2);
    const std::size_t end = text_.find("#}", begin);
    if (end == kNowhere) fail_here("a comment has no end");
    const bool has_sign = end > begin && (text_[end - 1] == '-' || text_[end - 1] == '+');
    close_tag(has_sign ? end - 1 : end);
  }

  // {% raw %} ... {% endraw %}: text whatever is in it.
  bool try_raw() {
    const std::size_t open = match_raw_tag(at_, "raw");
    if (open == kNowhere) return false;
    close_raw(open);
    for (std::size_t tag = text_.find("{%", at_); tag != kNowhere;
         tag = text_.find("{%", tag + 1)) {
      const std::size_t sign_at = match_raw_tag(tag, "endraw");
      if (sign_at == kNowhere) continue;
      push_text(text_end_before(tag, '%', text_[tag + 2]));
      advance_to(tag);
      close_tag(sign_at);
      return true;
    }
    fail_here("a raw block has no end");
  }

  // Unlike other blocks, the beginning of a raw one keeps the newline after it.
  void close_raw(std::size_t sign_at) {
    const bool strip = text_[sign_at] == '-';
    advance_to(strip ? skip_spaces(text_, sign_at + 3) : sign_at + 2);
  }

  // Where the end of the tag `{% name %}` at `tag` begins, with its sign; nowhere if it is another.
  std::size_t match_raw_tag(std::size_t tag, std::string_view name) const {
    std::size_t at = tag + 2;
    if (at < text_.size() && (text_[at] == '-' || text_[at] == '+')) ++at;
    at = skip_spaces(text_, at);
    if (!text_.substr(at).starts_with(name)) return kNowhere;
    at = skip_spaces(text_, at + name.size());
    const std::string_view rest = text_.substr(at);
    const bool may_plus = name == "endraw" && rest.starts_with("+%}");
    return rest.starts_with("%}") || rest.starts_with("-%}") || may_plus ? at : kNowhere;
  }

  void read_inside(bool is_block) {
    const int begin_line = line_;
    while (true) {
      advance_to(skip_spaces(text_, at_));
      if (at_ == text_.size()) {
        line_ = begin_line;
        fail_here("a tag has no end");
      }
      if (brackets_.empty() && try_end(is_block)) return;
      read_token();
    }
  }

  bool try_end(bool is_block) {
    const std::string_view end = is_block ? "%}" : "}}";
    const bool has_sign = peek() == '-' || (is_block && peek() == '+');
    if (text_.substr(at_ + (has_sign ? 1 : 0), 2) != end) return false;
    push(is_block ? Token::Kind::kBlockEnd : Token::Kind::kVariableEnd, "");
    if (is_block) {
      close_tag(at_);
    } else {
      advance_to(has_sign ? skip_spaces(text_, at_ + 3) : at_ + 2);
    }
    return true;
  }

  void read_token() {
    const char c = peek();
    if (c >= '0' && c <= '9') return read_number();
    if (c == '\'' || c == '"') return read_string(c);
    std::size_t end = at_;
    while (end < text_.size()) {
      const Character character = character_at(text_, end);
      if (!is_word(character.value)) break;
      end += character.bytes;
    }
    if (end == at_) return read_operator();
    if (end - at_ > kLongestName) fail_here("a name is too long");
    push(Token::Kind::kName, std::string(text_.substr(at_, end - at_)));
    advance_to(end);
  }

  void read_string(char quote) {
    std::size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote) end += text_[end] == '\\' ? 2 : 1;
    if (end >= text_.size()) fail_here("a string has no end");
    try {
      push(Token::Kind::kString, unescape(text_.substr(at_ + 1, end - at_ - 1)));
    } catch (const Failure& failure) {
      fail_here(failure.message);
    }
    advance_to(end + 1);
  }

  void read_operator() {
    static constexpr std::array<std::string_view, 6> kPairs = {"//", "**", "==", "!=", ">=", "<="};
    const auto pair = std::ranges::find_if(kPairs, [&](auto p) { return starts_with(p); });
    const std::string text(pair != kPairs.end() ? *pair : text_.substr(at_, 1));
    if (text.size() == 1 && std::string_view("+-/*%~[](){}><=.:|,;").find(text) == kNowhere) {
      const std::size_t bytes = character_at(text_, at_).bytes;
      fail_here(fmt::format("unexpected character '{}'", text_.substr(at_, bytes)));
    }
    match_brackets(text[0]);
    push(Token::Kind::kOperator, text);
    advance_to(at_ + text.size());
  }

  void match_brackets(char c) {
    constexpr std::string_view kOpen = "([{", kClose = ")]}";
    if (kOpen.find(c) != kNowhere) brackets_.push_back(kClose[kOpen.find(c)]);
    if (kClose.find(c) == kNowhere) return;
    if (brackets_.empty()) fail_here(fmt::format("unexpected '{}'", c));
    if (brackets_.back() != c) {
      fail_here(fmt::format("unexpected '{}', expected '{}'", c, brackets_.back()));
    }
    brackets_.pop_back();
  }

  // Digits with single underscores between them.
  std::size_t skip_digits(std::size_t at, std::string_view digits) const {
    const auto is_one = [&](std::size_t i) {
      return i < text_.size() && digits.find(text_[i]) != kNowhere;
    };
    while (is_one(at))
      at += at + 1 < text_.size() && text_[at + 1] == '_' && is_one(at + 2) ? 2 : 1;
    return at;
  }

  void read_number() {
    constexpr std::string_view kDecimal = "0123456789";
    if (peek() == '0' && read_prefixed()) return;
    const std::size_t whole = skip_digits(at_, kDecimal);
    std::size_t end = whole;
    const bool after_dot = at_ > 0 && text_[at_ - 1] == '.';
    if (!after_dot && end < text_.size() && text_[end] == '.') {
      const std::size_t fraction = skip_digits(end + 1, kDecimal);
      if (fraction > end + 1) end = fraction;
    }
    if (!after_dot && end < text_.size() && (text_[end] | 0x20) == 'e') {
      const bool has_sign =
          end + 1 < text_.size() && (text_[end + 1] == '+' || text_[end + 1] == '-');
      const std::size_t digits = end + (has_sign ? 2 : 1);
      const std::size_t exponent = skip_digits(digits, kDecimal);
      if (exponent > digits) end = exponent;
    }
    // A number does not begin with 0 unless it is 0.
    const bool is_integer = end == whole;
    const bool is_zero = text_.substr(at_, end - at_).find_first_not_of("0_") == kNowhere;
    if (is_integer && peek() == '0' && !is_zero) end = skip_digits(at_, "0");
    push_number(is_integer ? Token::Kind::kInteger : Token::Kind::kFloat, end);
  }

  bool read_prefixed() {
    constexpr std::string_view kDigits[] = {"01", "01234567", "0123456789abcdefABCDEF"};
    const std::size_t base = std::string_view("box").find(static_cast<char>(peek(1) | 0x20));
    if (base == kNowhere) return false;
    const std::size_t digits = at_ + (peek(2) == '_' ? 3 : 2);
    const std::size_t end = skip_digits(digits, kDigits[base]);
    if (end == digits) return false;
    push_number(Token::Kind::kInteger, end);
    return true;
  }

  void push_number(Token::Kind kind, std::size_t end) {
    std::string digits(text_.substr(at_, end - at_));
    std::erase(digits, '_');
    push(kind, std::move(digits));
    advance_to(end);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool at_line_start_ = true;
  std::string brackets_;  // the closing ones that are due
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
  const std::string text = normalize_newlines(source);
  return Lexer(text).run();
}

}  // namespace linnet::jinja
