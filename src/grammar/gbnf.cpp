#include "grammar/gbnf.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>

#include "base/utf8.hpp"
#include "grammar/text_reader.hpp"

namespace linnet::grammar {
namespace {

constexpr std::size_t kLargestText = 1 << 20;
constexpr int kDeepestBody = kDeepestExpression / 2;  // of a rule; groups alone reach less

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

class Parser : TextReader {
 public:
  Parser(std::string_view text, const GbnfOptions& options) : TextReader(text), options_(options) {}

  Result<Grammar> run() {
    skip_space(/*newlines=*/true);
    while (at_ < text_.size() && !failed_) {
      parse_rule();
      skip_space(/*newlines=*/true);
    }
    for (std::size_t i = 0; i < grammar_.rules.size() && !failed_; ++i) {
      if (!defined_[i]) {
        at_ = first_use_[i];
        fail(fmt::format("the rule {} is used and not defined", grammar_.rules[i].name));
      }
    }
    if (failed_) return error_;
    const auto root = numbers_.find("root");
    if (root == numbers_.end()) return Error{"the grammar has no rule named root"};
    grammar_.root = root->second;
    return std::move(grammar_);
  }

 private:
  void fail(std::string_view what) {
    const std::string_view before = text_.substr(0, at_);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const std::size_t start = before.rfind('\n') + 1;  // npos + 1 is 0
    fail_with({fmt::format("grammar, line {}, column {}: {}", line, at_ - start + 1, what)});
  }

  void expect(std::string_view expected, std::string_view where) {
    if (!take(expected)) fail(fmt::format("expected {} {}", expected, where));
  }

  void skip_space(bool newlines) {
    while (at_ < text_.size()) {
      const char c = peek();
      if (c == '#') {
        while (at_ < text_.size() && peek() != '\n' && peek() != '\r') ++at_;
      } else if (c == ' ' || c == '\t' || (newlines && (c == '\n' || c == '\r'))) {
        ++at_;
      } else {
        return;
      }
    }
  }

  std::string_view parse_name() {
    const std::size_t start = at_;
    while (is_name_character(peek())) ++at_;
    if (at_ == start) fail("expected the name of a rule");
    return text_.substr(start, at_ - start);
  }

  std::uint32_t rule_number(std::string_view name) {
    const auto [at, added] =
        numbers_.try_emplace(std::string(name), static_cast<std::uint32_t>(grammar_.rules.size()));
    if (added) {
      grammar_.rules.push_back({std::string(name)});
      defined_.push_back(false);
      first_use_.push_back(at_ - name.size());
    }
    return at->second;
  }

  void parse_rule() {
    const std::string_view name = parse_name();
    if (failed_) return;
    const std::uint32_t rule = rule_number(name);
    if (defined_[rule]) return fail(fmt::format("the rule {} is defined a second time", name));
    defined_[rule] = true;
    skip_space(/*newlines=*/false);
    expect("::=", fmt::format("after the rule name {}", name));
    skip_space(/*newlines=*/true);
    const Expression body = parse_alternatives(/*nested=*/false);
    if (failed_) return;
    if (at_ < text_.size() && peek() != '\n' && peek() != '\r') {
      return fail("expected the end of the line after a rule");
    }
    grammar_.rules[rule].body = body;
  }

  Expression parse_alternatives(bool nested) {
    std::vector<Expression> options = {parse_sequence(nested)};
    while (!failed_ && next_alternative(nested)) {
      skip_space(/*newlines=*/true);
      options.push_back(parse_sequence(nested));
    }
    return choice(std::move(options));
  }

  // A line may begin with the bar of a further alternative.
  bool next_alternative(bool nested) {
    const std::size_t start = at_;
    if (!nested) skip_space(/*newlines=*/true);
    if (take("|")) return true;
    at_ = start;
    return false;
  }

  Expression parse_sequence(bool nested) {
    std::vector<Expression> parts;
    while (!failed_) {
      if (auto item = parse_item(); item) {
        parts.push_back(*item);
      } else if (!parts.empty() && at_repetition()) {
        parts.back() = parse_repetition(parts.back());
        if (parts.back().depth() > kDeepestBody) {
          fail(fmt::format("repetitions and groups are nested more than {} deep", kDeepestBody));
        }
      } else {
        break;
      }
      skip_space(nested);
    }
    return sequence(std::move(parts));
  }

  std::optional<Expression> parse_item() {
    const char c = peek();
    if (c == '"') return parse_literal();
    if (c == '[') return parse_class();
    if (c == '(') return parse_group();
    if (c == '<' || c == '!') return parse_token();
    if (take(".")) return characters(CharacterSet::all());
    if (!is_name_character(c)) return std::nullopt;
    const std::string_view name = parse_name();
    return call(rule_number(name));
  }

  Expression parse_group() {
    ++at_;
    if (++depth_ > kDeepest) fail(fmt::format("more than {} nested groups", kDeepest));
    skip_space(/*newlines=*/true);
    Expression inner = failed_ ? empty() : parse_alternatives(/*nested=*/true);
    expect(")", "at the end of a group");
    --depth_;
    return inner;
  }

  Expression parse_literal() {
    ++at_;
    std::vector<Expression> parts;
    while (!failed_ && !take("\"")) {
      parts.push_back(characters(CharacterSet(parse_character("a literal"))));
    }
    return sequence(std::move(parts));
  }

  Expression parse_class() {
    ++at_;
    const bool negated = take("^");
    CharacterSet set;
    while (!failed_ && !take("]")) {
      const char32_t first = parse_character("a character class");
      char32_t last = first;
      if (peek() == '-' && peek(1) != ']' && at_ + 1 < text_.size()) {
        ++at_;
        last = parse_character("a character class");
      }
      if (last < first) fail("the range of characters goes backwards");
      set.add(first, last);
    }
    return characters(negated ? set.complement() : set);
  }

  char32_t parse_character(std::string_view where) {
    if (at_ >= text_.size()) return fail(fmt::format("the text ends within {}", where)), U'\0';
    if (take("\\")) return parse_escape();
    std::string_view rest = text_.substr(at_);
    const auto character = take_character(rest);
    if (!character) return fail("the text is not valid UTF-8"), U'\0';
    at_ = text_.size() - rest.size();
    return *character;
  }

  char32_t parse_escape() {
    static const std::map<char, char32_t> kSingle = {
        {'t', U'\t'}, {'r', U'\r'}, {'n', U'\n'}, {'\\', U'\\'}, {'"', U'"'},
        {'[', U'['},  {']', U']'},  {'-', U'-'},  {'^', U'^'},   {'/', U'/'}};
    static const std::map<char, int> kHexDigits = {{'x', 2}, {'u', 4}, {'U', 8}};
    const char kind = peek();
    if (const auto single = kSingle.find(kind); single != kSingle.end()) {
      return ++at_, single->second;
    }
    const auto hex = kHexDigits.find(kind);
    if (hex == kHexDigits.end()) return fail("unknown escape after the backslash"), U'\0';
    ++at_;
    const std::int64_t value = take_hex(hex->second);
    if (value < 0) return fail(fmt::format("expected {} hex digits", hex->second)), U'\0';
    if (!is_unicode_character(value)) return fail("the escape is not a Unicode character"), U'\0';
    return static_cast<char32_t>(value);
  }

  Expression parse_token() {
    const bool negated = take("!");
    if (!take("<")) return fail("expected a token <...> after !"), empty();
    if (take("[")) {
      const auto id = parse_count("a token id");
      expect("]>", "after a token id");
      return Expression({Tokens{{static_cast<TokenId>(id)}, negated}});
    }
    const std::size_t end = text_.find('>', at_);
    if (end == std::string_view::npos) return fail("expected > at the end of a token"), empty();
    const std::string_view piece = text_.substr(at_ - 1, end + 1 - (at_ - 1));
    const auto id = options_.token_id ? options_.token_id(piece) : std::nullopt;
    if (!id) return fail(fmt::format("the vocabulary has no token {}", piece)), empty();
    at_ = end + 1;
    return Expression({Tokens{{*id}, negated}});
  }

  bool at_repetition() const {
    return peek() == '*' || peek() == '+' || peek() == '?' || peek() == '{';
  }

  Expression parse_repetition(const Expression& body) {
    if (take("*")) return repeat(body, 0, std::nullopt);
    if (take("+")) return repeat(body, 1, std::nullopt);
    if (take("?")) return optional(body);
    ++at_;
    skip_space(/*newlines=*/true);
    const std::uint64_t min = parse_count("a repetition");
    std::optional<std::uint64_t> max = min;
    skip_space(/*newlines=*/true);
    if (take(",")) {
      skip_space(/*newlines=*/true);
      max.reset();
      if (peek() != '}') max = parse_count("a repetition");
      skip_space(/*newlines=*/true);
    }
    expect("}", "after a repetition");
    if (max && *max < min) fail("the repetition's largest count is below its smallest");
    return repeat(body, min, max);
  }

  std::uint64_t parse_count(std::string_view what) {
    if (!at_digit()) fail(fmt::format("expected a number for {}", what));
    const std::uint64_t value = take_count();
    if (value > kLargestCount) fail(fmt::format("the number is above {}", kLargestCount));
    return value;
  }

  const GbnfOptions& options_;
  Grammar grammar_;
  std::map<std::string, std::uint32_t, std::less<>> numbers_;
  std::vector<bool> defined_;
  std::vector<std::size_t> first_use_;
};

}  // namespace

Result<Grammar> parse_gbnf(std::string_view text, const GbnfOptions& options) {
  if (text.size() > kLargestText) {
    return Error{fmt::format("the grammar has {} bytes, and at most {} are read", text.size(),
                             kLargestText)};
  }
  return Parser(text, options).run();
}

}  // namespace linnet::grammar
