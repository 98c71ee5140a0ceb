#pragma once

#include <map>
#include <string>

#include "chat/jinja/statements.hpp"
#include "chat/jinja/token_stream.hpp"

namespace linnet::jinja {

/// How deep tags and brackets may stand inside one another, and how many nodes one expression may
/// have above one another.
inline constexpr int kMaxParseDepth = 150;
inline constexpr int kMaxExpressionHeight = 400;

/// What the parser knows about the place where it is.
struct ParseContext {
  int depth = 0;
  int loops = 0;  // around here, inside the innermost macro
  // Under conditions an unknown filter or test fails only when it is used.
  bool lenient = false;
  std::string unknown;                   // what is wrong with the first one elsewhere
  std::vector<MacroDefinition*> macros;  // around here
};

/// Parses expressions as Jinja2 does, operators by their precedence. Failures name the line.
class ExpressionParser {
 public:
  ExpressionParser(TokenStream& tokens, ParseContext& context)
      : tokens_(tokens), context_(context) {}

  /// An expression with `a if b else c`, unless `plain`.
  ExpressionPtr parse_expression(bool plain = false);
  /// Expressions with commas between them are a tuple; a single one stands for itself. `end` is a
  /// name that may follow a comma at the end.
  ExpressionPtr parse_tuple(bool plain = false, std::string_view end = {});
  CallArguments parse_call_arguments();
  /// One filter or more, without what they are applied to.
  std::unique_ptr<FilterCall> parse_filters();
  /// Null unless the expression is a call.
  std::unique_ptr<Call> parse_call_only();

 private:
  template <class Node, class... Parts>
  static ExpressionPtr make(Parts&&... parts) {
    auto node = std::make_unique<Node>(std::forward<Parts>(parts)...);
    if (node->height() > kMaxExpressionHeight) {
      fail("line {}: an expression has more than {} levels", node->line(), kMaxExpressionHeight);
    }
    return node;
  }

  ExpressionPtr parse_or();
  ExpressionPtr parse_and();
  ExpressionPtr parse_not();
  ExpressionPtr parse_comparison();
  Comparison::Operation parse_comparison_operator();
  ExpressionPtr parse_sum();
  ExpressionPtr parse_concatenation();
  ExpressionPtr parse_product();
  ExpressionPtr parse_power();
  ExpressionPtr parse_unary(bool with_filters);
  ExpressionPtr parse_primary();
  ExpressionPtr parse_name_or_constant();
  ExpressionPtr parse_string();
  ExpressionPtr parse_number();
  ExpressionPtr parse_parentheses();
  ExpressionPtr parse_list();
  ExpressionPtr parse_dict();
  ExpressionPtr parse_postfix(ExpressionPtr object);
  ExpressionPtr parse_filters_and_tests(ExpressionPtr subject);
  ExpressionPtr parse_member(ExpressionPtr object);
  ExpressionPtr parse_subscript(ExpressionPtr object);
  ExpressionPtr parse_filter(ExpressionPtr subject);
  ExpressionPtr parse_test(ExpressionPtr subject);
  std::string parse_dotted_name();
  void note_unknown(std::string_view kind, std::string_view name);

  TokenStream& tokens_;
  ParseContext& context_;
};

/// Parses a whole template.
Body parse_template(std::string_view source);

}  // namespace linnet::jinja
