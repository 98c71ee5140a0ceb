#include "grammar/regex_parser.hpp"

#include <fmt/format.h>

#include <map>
#include <optional>

#include "base/utf8.hpp"
#include "grammar/automata/character_classes.hpp"
#include "grammar/text_reader.hpp"

namespace linnet::grammar {
namespace {

constexpr std::size_t kLargestPattern = 1 << 16;

class Parser : TextReader {
 public:
  Parser(std::string_view pattern, bool whole) : TextReader(pattern), whole_(whole) {}

  Result<Regex> run() {
    regex_.body = parse_alternatives();
    if (!failed_ && at_ < text_.size()) fail("unmatched )");
    if (failed_) return error_;
    return std::move(regex_);
  }

 private:
  void fail(std::string_view what) {
    fail_with({fmt::format("regular expression {}, position {}: {}", text_, at_ + 1, what)});
  }

  Expression parse_alternatives() {
    std::vector<Expression> options = {parse_sequence()};
    while (take("|")) options.push_back(parse_sequence());
    if (depth_ == 0 && options.size() > 1 && !regex_.lookaheads.empty()) {
      fail("lookahead is only supported at the start of an expression without top-level |");
    }
    return choice(std::move(options));
  }

  Expression parse_sequence() {
    std::vector<Expression> parts;
    at_start_ = depth_ == 0 && whole_;
    while (!at_end() && peek() != '|' && peek() != ')') {
      if (take("^")) {
        at_start_ = depth_ == 0 && parts.empty();
        parts.push_back(Expression({Anchor{false}}));
      } else if (take("$")) {
        parts.push_back(Expression({Anchor{true}}));
      } else if (!take_lookahead()) {
        Expression atom = parse_atom();
        parts.push_back(parse_quantifier(std::move(atom)));
        at_start_ = false;
      }
    }
    return sequence(std::move(parts));
  }

  bool take_lookahead() {
    if (take("(?<=") || take("(?<!")) return fail("lookbehind is not supported"), true;
    const bool negated = take("(?!");
    if (!negated && !take("(?=")) return false;
    if (!at_start_) return fail("lookahead is only supported at the start"), true;
    Expression body = parse_inside_group();
    constexpr std::size_t kMostLookaheads = 16;  // each is an automaton to be intersected with
    if (regex_.lookaheads.size() == kMostLookaheads) {
      return fail(fmt::format("more than {} lookaheads are not supported", kMostLookaheads)), true;
    }
    regex_.lookaheads.push_back({std::move(body), negated});
    at_start_ = true;
    return true;
  }

  Expression parse_inside_group() {
    if (++depth_ > kDeepest) fail("too many nested groups");
    Expression body = failed_ ? empty() : parse_alternatives();
    --depth_;
    if (!take(")")) fail("expected ) at the end of a group");
    return body;
  }

  Expression parse_group() {
    if (take("?:")) return parse_inside_group();
    if (take("?<") || take("?P<")) {
      const std::size_t end = text_.find('>', at_);
      if (end == std::string_view::npos) return fail("expected > after a group's name"), empty();
      at_ = end + 1;
    } else if (peek() == '?') {
      return fail("groups that start with (? are not supported, except (?: (?= (?! (?<name>"),
             empty();
    }
    return parse_inside_group();
  }

  Expression parse_atom() {
    if (take("(")) return parse_group();
    if (take("[")) return parse_class();
    if (take(".")) return characters(line_terminators().complement());
    if (take("\\")) return characters(parse_escape());
    const char c = peek();
    if (c == '*' || c == '+' || c == '?') return fail("nothing to repeat"), empty();
    if (c == '{' && counts_follow()) return fail("nothing to repeat"), empty();
    return characters(CharacterSet(parse_plain()));
  }

  char32_t parse_plain() {
    std::string_view rest = text_.substr(at_);
    const auto character = take_character(rest);
    if (!character) return fail("the expression ends early or is not valid UTF-8"), U'\0';
    at_ = text_.size() - rest.size();
    return *character;
  }

  // { is a plain character if no counts follow.
  bool counts_follow() const {
    std::size_t i = 1;
    const auto digits = [&] {
      const std::size_t start = i;
      while (peek(i) >= '0' && peek(i) <= '9') ++i;
      return i > start;
    };
    if (!digits()) return false;
    if (peek(i) == ',') ++i, digits();
    return peek(i) == '}';
  }

  Expression parse_quantifier(Expression body) {
    std::uint64_t min = 0;
    std::optional<std::uint64_t> max;
    if (take("?")) {
      max = 1;
    } else if (take("+")) {
      min = 1;
    } else if (peek() == '{' && counts_follow()) {
      ++at_;
      min = parse_count();
      max = min;
      if (take(",")) max = peek() == '}' ? std::nullopt : std::optional(parse_count());
      take("}");
      if (max && *max < min) fail("the largest count is below the smallest");
    } else if (!take("*")) {
      return body;
    }
    take("?");  // lazy or not, the texts are the same
    return repeat(std::move(body), min, max);
  }

  std::uint64_t parse_count() {
    const std::uint64_t value = take_count();
    if (value > kLargestCount) fail("the count is too large");
    return value;
  }

  Expression parse_class() {
    const bool negated = take("^");
    CharacterSet set;
    while (!take("]")) {
      if (at_end()) return fail("expected ] at the end of a class"), empty();
      const auto [first_set, first] = parse_class_member();
      if (peek() != '-' || peek(1) == ']' || !first) {
        set.add(first_set);
        continue;
      }
      ++at_;
      const auto [last_set, last] = parse_class_member();
      if (!last) {
        set.add(first_set);
        set.add(U'-', U'-');
        set.add(last_set);
      } else {
        if (*last < *first) fail("the range of characters goes backwards");
        set.add(*first, *last);
      }
    }
    return characters(negated ? set.complement() : set);
  }

  struct Member {
    CharacterSet set;
    std::optional<char32_t> single;
  };
  Member parse_class_member() {
    if (take("\\b")) return {CharacterSet(U'\b'), U'\b'};
    if (!take("\\")) {
      const char32_t plain = parse_plain();
      return {CharacterSet(plain), plain};
    }
    CharacterSet set = parse_escape();
    const auto ranges = set.ranges();
    const bool single = ranges.size() == 1 && ranges[0].first == ranges[0].last;
    const auto character = single ? std::optional(ranges[0].first) : std::nullopt;
    return {std::move(set), character};
  }

  CharacterSet parse_escape() {
    static const std::map<char, char32_t> kControls = {{'n', U'\n'}, {'t', U'\t'}, {'r', U'\r'},
                                                       {'f', U'\f'}, {'v', U'\v'}, {'0', U'\0'}};
    static const std::map<char, CharacterSet (*)()> kClasses = {
        {'d', digits}, {'w', word_characters}, {'s', white_space}};
    const char c = peek();
    if (const auto control = kControls.find(c); control != kControls.end()) {
      return ++at_, CharacterSet(control->second);
    }
    if (const auto found = kClasses.find(c); found != kClasses.end()) {
      return ++at_, found->second();
    }
    if (const auto found = kClasses.find(static_cast<char>(c | 0x20));
        found != kClasses.end() && c >= 'A' && c <= 'Z') {
      return ++at_, found->second().complement();
    }
    if (c == 'x' || c == 'u') return ++at_, CharacterSet(parse_hex(c));
    if (c == 'p' || c == 'P') return ++at_, parse_property(c == 'P');
    if (c == 'c' && ((peek(1) | 0x20) >= 'a' && (peek(1) | 0x20) <= 'z')) {
      at_ += 2;
      return CharacterSet(static_cast<char32_t>(text_[at_ - 1] & 0x1f));
    }
    if (c == 'b' || c == 'B') return fail("word boundaries are not supported"), CharacterSet();
    if (c >= '1' && c <= '9') return fail("backreferences are not supported"), CharacterSet();
    if (c == 'k') return fail("backreferences are not supported"), CharacterSet();
    return CharacterSet(parse_plain());
  }

  char32_t parse_digits(int count) {
    const std::int64_t value = take_hex(count);
    if (value < 0) return fail("expected hex digits"), U'\0';
    return static_cast<char32_t>(value);
  }

  char32_t parse_hex(char kind) {
    if (kind == 'x') return parse_digits(2);
    char32_t value = 0;
    if (take("{")) {
      int digits = 0;
      while (hex_digit(peek(digits)) >= 0) ++digits;
      if (digits < 1 || digits > 6) return fail("expected up to six hex digits"), U'\0';
      value = parse_digits(digits);
      if (!take("}")) fail("expected } after hex digits");
    } else {
      value = parse_digits(4);
      const bool high = value >= 0xd800 && value <= 0xdbff;
      if (high && take("\\u")) {
        const char32_t low = parse_digits(4);
        if (low < 0xdc00 || low > 0xdfff) fail("expected a low surrogate");
        value = 0x10000 + ((value - 0xd800) << 10) + (low - 0xdc00);
      }
    }
    if (!is_unicode_character(value)) fail("the escape is not a Unicode character");
    return value;
  }

  CharacterSet parse_property(bool negated) {
    const std::size_t end = text_.find('}', at_);
    if (peek() != '{' || end == std::string_view::npos) {
      return fail("expected {NAME} after \\p"), CharacterSet();
    }
    std::string_view name = text_.substr(at_ + 1, end - at_ - 1);
    for (const std::string_view prefix : {"General_Category=", "gc="}) {
      if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
    }
    const auto set = unicode_category(name);
    if (!set) return fail(fmt::format("the property {} is not supported", name)), CharacterSet();
    at_ = end + 1;
    return negated ? set->complement() : *set;
  }

  bool whole_;
  bool at_start_ = false;
  Regex regex_;
};

}  // namespace

Result<Regex> parse_regex(std::string_view pattern, bool whole) {
  if (pattern.size() > kLargestPattern) {
    return Error{fmt::format("the regular expression has {} bytes, and at most {} are read",
                             pattern.size(), kLargestPattern)};
  }
  return Parser(pattern, whole).run();
}

}  // namespace linnet::grammar
