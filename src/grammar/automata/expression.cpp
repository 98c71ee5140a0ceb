#include "grammar/automata/expression.hpp"

#include <algorithm>
#include <cassert>

#include "base/utf8.hpp"

namespace linnet::grammar {
namespace {

int depth_of(const std::vector<Expression>& parts) {
  int depth = 0;
  for (const Expression& part : parts) depth = std::max(depth, part.depth());
  return depth;
}

int depth_below(const Sequence& node) { return depth_of(node.parts); }
int depth_below(const Choice& node) { return depth_of(node.options); }
int depth_below(const Repeat& node) { return node.body.depth(); }
int depth_below(const Graph& graph) {
  int depth = 0;
  for (const Graph::Node& from : graph.nodes) {
    for (const Graph::Edge& edge : from.edges) depth = std::max(depth, edge.label.depth());
  }
  return depth;
}
template <class Leaf>
int depth_below(const Leaf&) {
  return 0;
}

}  // namespace

Expression::Expression(ExpressionNode node)
    : node_(std::make_shared<const ExpressionNode>(std::move(node))),
      depth_(1 + std::visit([](const auto& kind) { return depth_below(kind); }, node_->kind)) {}

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
