#include <utility>

#include "chat/jinja/compare.hpp"
#include "chat/jinja/operators.hpp"
#include "chat/jinja/parser.hpp"

namespace linnet::jinja {
namespace {

using Kind = Token::Kind;

// One more bracket, sign or condition around what is parsed.
class Nesting {
 public:
  Nesting(ParseContext& context, int line) : context_(context) {
    if (++context.depth > kMaxParseDepth) {
      --context_.depth;
      fail("line {}: the template is nested more than {} deep", line, kMaxParseDepth);
    }
  }
  ~Nesting() { --context_.depth; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  ParseContext& context_;
};

bool equal(Run& run, const Value& a, const Value& b) { return are_equal(run, a, b); }
bool not_equal(Run& run, const Value& a, const Value& b) { return !are_equal(run, a, b); }
bool less(Run& run, const Value& a, const Value& b) { return compare(run, a, b) < 0; }
bool less_equal(Run& run, const Value& a, const Value& b) { return compare(run, a, b) <= 0; }
bool greater(Run& run, const Value& a, const Value& b) { return compare(run, a, b) > 0; }
bool greater_equal(Run& run, const Value& a, const Value& b) { return compare(run, a, b) >= 0; }
bool in(Run& run, const Value& a, const Value& b) { return contains(run, b, a); }
bool not_in(Run& run, const Value& a, const Value& b) { return !contains(run, b, a); }

template <class Operation>
struct Sign {
  std::string_view text;
  Operation operation;
};

constexpr Sign<Comparison::Operation> kComparisons[] = {{"==", equal},  {"!=", not_equal},
                                                        {"<", less},    {"<=", less_equal},
                                                        {">", greater}, {">=", greater_equal}};
constexpr Sign<Binary::Operation> kSums[] = {{"+", add}, {"-", subtract}};
constexpr Sign<Binary::Operation> kProducts[] = {
    {"*", multiply}, {"/", divide}, {"//", floor_divide}, {"%", modulo}};

// The operation whose sign stands here; null if none of them does.
template <class Signs>
auto operation_at(const TokenStream& tokens, const Signs& signs) -> decltype(signs[0].operation) {
  for (const auto& sign : signs) {
    if (tokens.at_operator(sign.text)) return sign.operation;
  }
  return nullptr;
}

}  // namespace

ExpressionPtr ExpressionParser::parse_expression(bool plain) {
  const Nesting nesting(context_, tokens_.line());
  const std::string unknown_before = context_.unknown;
  ExpressionPtr expression = parse_or();
  while (!plain && tokens_.at_name("if")) {
    const int line = tokens_.next().line;
    context_.unknown = unknown_before;  // what was just parsed has a condition
    const bool outer = std::exchange(context_.lenient, true);
    ExpressionPtr condition = parse_or();
    ExpressionPtr otherwise;
    if (tokens_.skip_name("else")) otherwise = parse_expression();
    context_.lenient = outer;
    expression =
        make<Conditional>(line, std::move(condition), std::move(expression), std::move(otherwise));
  }
  return expression;
}

ExpressionPtr ExpressionParser::parse_tuple(bool plain, std::string_view end) {
  const int line = tokens_.line();
  std::vector<ExpressionPtr> items;
  bool is_tuple = false;
  const auto at_end = [&] {
    return tokens_.at(Kind::kVariableEnd) || tokens_.at(Kind::kBlockEnd) ||
           tokens_.at_operator(")") || (!end.empty() && tokens_.at_name(end));
  };
  while (!at_end()) {
    items.push_back(parse_expression(plain));
    if (!tokens_.skip_operator(",")) break;
    is_tuple = true;
  }
  if (is_tuple) return make<SequenceLiteral>(line, Sequence::Kind::kTuple, std::move(items));
  if (items.empty()) tokens_.fail_expected("an expression");
  return std::move(items[0]);
}

ExpressionPtr ExpressionParser::parse_or() {
  ExpressionPtr left = parse_and();
  while (tokens_.at_name("or")) {
    const int line = tokens_.next().line;
    left = make<Logical>(line, true, std::move(left), parse_and());
  }
  return left;
}

ExpressionPtr ExpressionParser::parse_and() {
  ExpressionPtr left = parse_not();
  while (tokens_.at_name("and")) {
    const int line = tokens_.next().line;
    left = make<Logical>(line, false, std::move(left), parse_not());
  }
  return left;
}

ExpressionPtr ExpressionParser::parse_not() {
  if (!tokens_.at_name("not")) return parse_comparison();
  const Nesting nesting(context_, tokens_.line());
  const int line = tokens_.next().line;
  return make<Unary>(line, logical_not, parse_not());
}

Comparison::Operation ExpressionParser::parse_comparison_operator() {
  if (const auto operation = operation_at(tokens_, kComparisons)) {
    tokens_.next();
    return operation;
  }
  if (tokens_.skip_name("in")) return in;
  const bool negated = tokens_.at_name("not") && tokens_.following().kind == Kind::kName &&
                       tokens_.following().text == "in";
  if (!negated) return nullptr;
  tokens_.next();
  tokens_.next();
  return not_in;
}

ExpressionPtr ExpressionParser::parse_comparison() {
  const int line = tokens_.line();
  ExpressionPtr first = parse_sum();
  std::vector<Comparison::Step> steps;
  while (const auto operation = parse_comparison_operator()) {
    steps.emplace_back(operation, parse_sum());
  }
  if (steps.empty()) return first;
  return make<Comparison>(line, std::move(first), std::move(steps));
}

ExpressionPtr ExpressionParser::parse_sum() {
  ExpressionPtr left = parse_concatenation();
  while (const auto operation = operation_at(tokens_, kSums)) {
    const int line = tokens_.next().line;
    left = make<Binary>(line, operation, std::move(left), parse_concatenation());
  }
  return left;
}

ExpressionPtr ExpressionParser::parse_concatenation() {
  const int line = tokens_.line();
  std::vector<ExpressionPtr> parts;
  do {
    parts.push_back(parse_product());
  } while (tokens_.skip_operator("~"));
  if (parts.size() == 1) return std::move(parts[0]);
  return make<Concatenation>(line, std::move(parts));
}

ExpressionPtr ExpressionParser::parse_product() {
  ExpressionPtr left = parse_power();
  while (const auto operation = operation_at(tokens_, kProducts)) {
    const int line = tokens_.next().line;
    left = make<Binary>(line, operation, std::move(left), parse_power());
  }
  return left;
}

// Unlike Python's, Jinja2's powers associate to the left.
ExpressionPtr ExpressionParser::parse_power() {
  ExpressionPtr left = parse_unary(/*with_filters=*/true);
  while (tokens_.at_operator("**")) {
    const int line = tokens_.next().line;
    left = make<Binary>(line, power, std::move(left), parse_unary(/*with_filters=*/true));
  }
  return left;
}

ExpressionPtr ExpressionParser::parse_unary(bool with_filters) {
  const Nesting nesting(context_, tokens_.line());
  ExpressionPtr expression;
  if (tokens_.at_operator("-") || tokens_.at_operator("+")) {
    const Token sign = tokens_.next();
    expression = make<Unary>(sign.line, sign.text == "-" ? negate : plus, parse_unary(false));
  } else {
    expression = parse_primary();
  }
  expression = parse_postfix(std::move(expression));
  return with_filters ? parse_filters_and_tests(std::move(expression)) : std::move(expression);
}

}  // namespace linnet::jinja
