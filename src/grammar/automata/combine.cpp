#include "grammar/automata/combine.hpp"

#include <algorithm>
#include <unordered_map>

#include "grammar/utf8.hpp"

namespace linnet::grammar {
namespace {

// Copies expressions with other numbers of rules; what is shared stays shared.
class RuleShift {
 public:
  explicit RuleShift(std::uint32_t by) : by_(by) {}

  Expression shifted(const Expression& expression) {
    const ExpressionNode* const node = &expression.node();
    if (const auto known = done_.find(node); known != done_.end()) return known->second;
    Expression copy =
        std::visit([&](const auto& kind) { return copied(expression, kind); }, node->kind);
    done_.emplace(node, copy);
    return copy;
  }

 private:
  Expression copied(const Expression&, const Call& node) { return call(node.rule + by_); }
  Expression copied(const Expression&, const Sequence& node) {
    return Expression({Sequence{all(node.parts)}});
  }
  Expression copied(const Expression&, const Choice& node) {
    return Expression({Choice{all(node.options)}});
  }
  Expression copied(const Expression&, const Repeat& node) {
    return repeat(shifted(node.body), node.min, node.max);
  }
  Expression copied(const Expression&, const Graph& node) {
    Graph graph = node;
    for (auto& from : graph.nodes) {
      for (auto& edge : from.edges) edge.label = shifted(edge.label);
    }
    return Expression({std::move(graph)});
  }
  template <class Kind>
  Expression copied(const Expression& same, const Kind&) {  // which calls nothing
    return same;
  }
  std::vector<Expression> all(const std::vector<Expression>& parts) {
    std::vector<Expression> copies;
    copies.reserve(parts.size());
    for (const Expression& part : parts) copies.push_back(shifted(part));
    return copies;
  }

  std::uint32_t by_;
  std::unordered_map<const ExpressionNode*, Expression> done_;
};

// How many characters of `word` stand at the end of its first `matched` ones and `next`.
std::size_t matched_after(const std::u32string& word, std::size_t matched, char32_t next) {
  const std::u32string text = word.substr(0, matched) + next;
  std::size_t length = std::min(text.size(), word.size());
  while (!text.ends_with(word.substr(0, length))) --length;
  return length;
}

}  // namespace

Expression append_grammar(const Grammar& from, Grammar& to) {
  const auto offset = static_cast<std::uint32_t>(to.rules.size());
  RuleShift shift(offset);
  for (const Rule& rule : from.rules) to.rules.push_back({rule.name, shift.shifted(rule.body)});
  return call(from.root + offset);
}

// https://en.wikipedia.org/wiki/Knuth-Morris-Pratt_algorithm, as an automaton
Expression text_without(std::string_view utf8) {
  const std::u32string word = to_characters(utf8).value_or(std::u32string());
  CharacterSet of_word;
  for (const char32_t character : word) of_word.add(character, character);
  Graph graph;
  for (std::size_t matched = 0; matched < word.size(); ++matched) {
    Graph::Node node{{{characters(of_word.complement()), 0}}, /*accepting=*/true};
    for (const CharacterRange& range : of_word.ranges()) {
      for (char32_t next = range.first; next <= range.last; ++next) {
        const std::size_t target = matched_after(word, matched, next);
        if (target == word.size()) continue;
        node.edges.push_back({characters(CharacterSet(next)), static_cast<std::uint32_t>(target)});
      }
    }
    graph.nodes.push_back(std::move(node));
  }
  return Expression({std::move(graph)});
}

}  // namespace linnet::grammar
