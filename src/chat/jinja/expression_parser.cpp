#include <charconv>

#include "chat/jinja/compare.hpp"
#include "chat/jinja/operators.hpp"
#include "chat/jinja/parser.hpp"
#include "chat/jinja/print.hpp"

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

Value literal(std::string text) {
  return std::make_shared<const String>(Text(std::move(text), Origin::kTemplate), false, nullptr);
}

Value logical_not(Run&, const Value& a) { return !is_true(a); }

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

// The operation whose sign stands here; null where none of them does.
template <class Signs>
auto operation_at(const TokenStream& tokens, const Signs& signs) -> decltype(signs[0].operation) {
  for (const auto& sign : signs) {
    if (tokens.at_operator(sign.text)) return sign.operation;
  }
  return nullptr;
}

}  // namespace

template <class Node, class... Parts>
ExpressionPtr ExpressionParser::make(Parts&&... parts) {
  auto node = std::make_unique<Node>(std::forward<Parts>(parts)...);
  if (node->height() > kMaxExpressionHeight) {
    fail("line {}: an expression has more than {} levels", node->line(), kMaxExpressionHeight);
  }
  return node;
}

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

ExpressionPtr ExpressionParser::parse_primary() {
  if (tokens_.at(Kind::kName)) return parse_name_or_constant();
  if (tokens_.at(Kind::kString)) return parse_string();
  if (tokens_.at(Kind::kInteger) || tokens_.at(Kind::kFloat)) return parse_number();
  if (tokens_.at_operator("(")) return parse_parentheses();
  if (tokens_.at_operator("[")) return parse_list();
  if (tokens_.at_operator("{")) return parse_dict();
  tokens_.fail_expected("an expression");
}

ExpressionPtr ExpressionParser::parse_name_or_constant() {
  const auto [kind, name, line] = tokens_.next();
  if (name == "true" || name == "True") return make<Constant>(line, true);
  if (name == "false" || name == "False") return make<Constant>(line, false);
  if (name == "none" || name == "None") return make<Constant>(line, None{});
  for (MacroDefinition* macro : context_.macros) {
    macro->uses_caller |= name == "caller";
    macro->uses_keywords |= name == "kwargs";
    macro->uses_rest |= name == "varargs";
  }
  return make<Name>(line, name);
}

ExpressionPtr ExpressionParser::parse_string() {
  const int line = tokens_.line();
  std::string text;
  while (tokens_.at(Kind::kString)) text += tokens_.next().text;
  return make<Constant>(line, literal(std::move(text)));
}

ExpressionPtr ExpressionParser::parse_number() {
  const auto [kind, text, line] = tokens_.next();
  if (kind == Kind::kFloat) {
    double number = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
    if (result.ec != std::errc()) fail("line {}: the number {} is out of range", line, text);
    return make<Constant>(line, number);
  }
  const char kind_letter = text.size() > 1 ? static_cast<char>(text[1] | 0x20) : '0';
  const int base = kind_letter == 'x' ? 16 : kind_letter == 'o' ? 8 : kind_letter == 'b' ? 2 : 10;
  Integer number = 0;
  for (const char c : std::string_view(text).substr(base == 10 ? 0 : 2)) {
    const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
    if (__builtin_mul_overflow(number, Integer{base}, &number) ||
        __builtin_add_overflow(number, Integer{digit}, &number)) {
      fail("line {}: the number {} is too large", line, text);
    }
  }
  return make<Constant>(line, number);
}

ExpressionPtr ExpressionParser::parse_parentheses() {
  const int line = tokens_.next().line;
  if (tokens_.skip_operator(")")) {
    return make<SequenceLiteral>(line, Sequence::Kind::kTuple, std::vector<ExpressionPtr>{});
  }
  ExpressionPtr inside = parse_tuple();
  tokens_.expect_operator(")");
  return inside;
}

ExpressionPtr ExpressionParser::parse_list() {
  const int line = tokens_.next().line;
  std::vector<ExpressionPtr> items;
  while (!tokens_.at_operator("]")) {
    items.push_back(parse_expression());
    if (!tokens_.skip_operator(",")) break;
  }
  tokens_.expect_operator("]");
  return make<SequenceLiteral>(line, Sequence::Kind::kList, std::move(items));
}

ExpressionPtr ExpressionParser::parse_dict() {
  const int line = tokens_.next().line;
  std::vector<DictLiteral::Entry> entries;
  while (!tokens_.at_operator("}")) {
    ExpressionPtr key = parse_expression();
    tokens_.expect_operator(":");
    entries.emplace_back(std::move(key), parse_expression());
    if (!tokens_.skip_operator(",")) break;
  }
  tokens_.expect_operator("}");
  return make<DictLiteral>(line, std::move(entries));
}

ExpressionPtr ExpressionParser::parse_postfix(ExpressionPtr object) {
  while (true) {
    if (tokens_.at_operator(".")) {
      object = parse_member(std::move(object));
    } else if (tokens_.at_operator("[")) {
      object = parse_subscript(std::move(object));
    } else if (tokens_.at_operator("(")) {
      const int line = tokens_.line();
      object = make<Call>(line, std::move(object), parse_call_arguments());
    } else {
      return object;
    }
  }
}

ExpressionPtr ExpressionParser::parse_member(ExpressionPtr object) {
  const int line = tokens_.next().line;
  if (tokens_.at(Kind::kName)) return make<Attribute>(line, std::move(object), tokens_.next().text);
  if (!tokens_.at(Kind::kInteger)) tokens_.fail_expected("a name or a number");
  return make<Subscript>(line, std::move(object), parse_number());
}

ExpressionPtr ExpressionParser::parse_subscript(ExpressionPtr object) {
  const int line = tokens_.next().line;
  const auto bound = [&]() -> ExpressionPtr {
    if (tokens_.at_operator(":") || tokens_.at_operator("]")) return nullptr;
    return parse_expression();
  };
  std::vector<ExpressionPtr> keys;
  while (!tokens_.at_operator("]")) {
    ExpressionPtr start = bound();
    if (tokens_.skip_operator(":")) {
      ExpressionPtr stop = bound();
      ExpressionPtr step = tokens_.skip_operator(":") ? bound() : nullptr;
      tokens_.expect_operator("]");
      if (!keys.empty()) fail("line {}: a slice cannot be one of several keys", line);
      return make<SliceSubscript>(line, std::move(object), std::move(start), std::move(stop),
                                  std::move(step));
    }
    keys.push_back(std::move(start));
    if (!tokens_.at_operator("]")) tokens_.expect_operator(",");
  }
  tokens_.next();
  ExpressionPtr key = keys.size() == 1
                          ? std::move(keys[0])
                          : make<SequenceLiteral>(line, Sequence::Kind::kTuple, std::move(keys));
  return make<Subscript>(line, std::move(object), std::move(key));
}

CallArguments ExpressionParser::parse_call_arguments() {
  const auto refuse_unless = [&](bool fits) {
    if (!fits) tokens_.fail_here("invalid syntax for function call expression");
  };
  CallArguments result;
  tokens_.expect_operator("(");
  while (!tokens_.at_operator(")")) {
    const bool names = tokens_.at(Kind::kName) && tokens_.following().kind == Kind::kOperator &&
                       tokens_.following().text == "=";
    if (tokens_.at_operator("*")) {
      refuse_unless(!result.list && !result.dict);
      tokens_.next();
      result.list = parse_expression();
    } else if (tokens_.at_operator("**")) {
      refuse_unless(!result.dict);
      tokens_.next();
      result.dict = parse_expression();
    } else if (names) {
      refuse_unless(!result.dict);
      std::string name = tokens_.next().text;
      tokens_.next();
      for (const auto& [other, unused] : result.keyword) {
        if (other == name) tokens_.fail_here(fmt::format("keyword argument repeated: {}", name));
      }
      result.keyword.emplace_back(std::move(name), parse_expression());
    } else {
      refuse_unless(!result.list && !result.dict && result.keyword.empty());
      result.positional.push_back(parse_expression());
    }
    if (!tokens_.at_operator(")")) tokens_.expect_operator(",");
  }
  tokens_.next();
  return result;
}

ExpressionPtr ExpressionParser::parse_filters_and_tests(ExpressionPtr subject) {
  while (true) {
    if (tokens_.skip_operator("|")) {
      subject = parse_filter(std::move(subject));
    } else if (tokens_.at_name("is")) {
      subject = parse_test(std::move(subject));
    } else if (tokens_.at_operator("(")) {
      const int line = tokens_.line();
      subject = make<Call>(line, std::move(subject), parse_call_arguments());
    } else {
      return subject;
    }
  }
}

std::string ExpressionParser::parse_dotted_name() {
  std::string name = tokens_.expect_any_name();
  while (tokens_.skip_operator(".")) name.append(".").append(tokens_.expect_any_name());
  return name;
}

void ExpressionParser::note_unknown(std::string_view kind, std::string_view name) {
  if (context_.lenient || !context_.unknown.empty()) return;
  context_.unknown = fmt::format("line {}: No {} named '{}'", tokens_.line(), kind, name);
}

ExpressionPtr ExpressionParser::parse_filter(ExpressionPtr subject) {
  const int line = tokens_.line();
  std::string name = parse_dotted_name();
  if (!find_filter(name)) note_unknown("filter", name);
  CallArguments arguments;
  if (tokens_.at_operator("(")) arguments = parse_call_arguments();
  return make<FilterCall>(line, std::move(subject), std::move(name), std::move(arguments));
}

std::unique_ptr<FilterCall> ExpressionParser::parse_filters() {
  ExpressionPtr chain = parse_filter(nullptr);
  while (tokens_.skip_operator("|")) chain = parse_filter(std::move(chain));
  return std::unique_ptr<FilterCall>(static_cast<FilterCall*>(chain.release()));
}

std::unique_ptr<Call> ExpressionParser::parse_call_only() {
  ExpressionPtr expression = parse_expression();
  if (dynamic_cast<Call*>(expression.get()) == nullptr) return nullptr;
  return std::unique_ptr<Call>(static_cast<Call*>(expression.release()));
}

ExpressionPtr ExpressionParser::parse_test(ExpressionPtr subject) {
  const int line = tokens_.next().line;
  const bool negated = tokens_.skip_name("not");
  std::string name = parse_dotted_name();
  if (!find_test(name)) note_unknown("test", name);
  CallArguments arguments;
  const bool takes_one = tokens_.at(Kind::kName) || tokens_.at(Kind::kString) ||
                         tokens_.at(Kind::kInteger) || tokens_.at(Kind::kFloat) ||
                         tokens_.at_operator("[") || tokens_.at_operator("{");
  if (tokens_.at_operator("(")) {
    arguments = parse_call_arguments();
  } else if (takes_one && !tokens_.at_any_name({"else", "or", "and"})) {
    if (tokens_.at_name("is")) tokens_.fail_here("You cannot chain multiple tests with is");
    arguments.positional.push_back(parse_postfix(parse_primary()));
  }
  ExpressionPtr test =
      make<TestCall>(line, std::move(subject), std::move(name), std::move(arguments));
  return negated ? make<Unary>(line, logical_not, std::move(test)) : std::move(test);
}

}  // namespace linnet::jinja
