// What operators stand between: names, literals, calls, keys, filters and tests.

#include <charconv>
#include <set>

#include "chat/jinja/operators.hpp"
#include "chat/jinja/parser.hpp"
#include "chat/jinja/run.hpp"

namespace linnet::jinja {
namespace {

using Kind = Token::Kind;

Value literal(std::string text) {
  return std::make_shared<const String>(Text(std::move(text), Origin::kTemplate), false, nullptr);
}

}  // namespace

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
  std::set<std::string> keywords;
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
      if (!keywords.insert(name).second) {
        tokens_.fail_here(fmt::format("keyword argument repeated: {}", name));
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
  context_.unknown =
      fmt::format("line {}: No {} named '{}'", tokens_.line(), kind, shortened(name));
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
