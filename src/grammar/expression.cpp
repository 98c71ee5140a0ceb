#include "grammar/expression.hpp"

#include <cassert>

#include "grammar/utf8.hpp"

namespace linnet::grammar {

Expression::Expression(ExpressionNode node)
    : node_(std::make_shared<const ExpressionNode>(std::move(node))) {}

Expression characters(CharacterSet set) { return Expression({Characters{std::move(set)}}); }

Expression literal(std::string_view utf8) {
  std::vector<Expression> parts;
  while (const auto character = take_character(utf8)) {
    parts.push_back(characters(CharacterSet(*character)));
  }
  assert(utf8.empty());
  return sequence(std::move(parts));
}

Expression sequence(std::vector<Expression> parts) {
  if (parts.size() == 1) return std::move(parts[0]);
  return Expression({Sequence{std::move(parts)}});
}

Expression choice(std::vector<Expression> options) {
  if (options.size() == 1) return std::move(options[0]);
  return Expression({Choice{std::move(options)}});
}

Expression repeat(Expression body, std::uint64_t min, std::optional<std::uint64_t> max) {
  return Expression({Repeat{std::move(body), min, max}});
}

Expression optional(Expression body) { return repeat(std::move(body), 0, 1); }
Expression call(std::uint32_t rule) { return Expression({Call{rule}}); }
Expression nothing() { return Expression({Choice{}}); }
Expression empty() { return Expression({Sequence{}}); }

}  // namespace linnet::grammar
