#include "grammar/automata/combine.hpp"

#include <map>
#include <unordered_map>
#include <vector>

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

// The end of a text as far as it begins a word. Words are a tree of these.
struct WordNode {
  std::map<char32_t, std::uint32_t> next;  // others lead to the root
  bool is_word = false;                    // or ends with one
};

std::vector<WordNode> word_tree(std::span<const std::string> words) {
  std::vector<WordNode> nodes(1);
  for (const std::string& word : words) {
    std::uint32_t at = 0;
    for (const char32_t character : to_characters(word).value_or(std::u32string())) {
      const auto added = static_cast<std::uint32_t>(nodes.size());
      at = nodes[at].next.try_emplace(character, added).first->second;
      if (at == added) nodes.emplace_back();
    }
    nodes[at].is_word = true;
  }
  return nodes;
}

// If a character does not go on with a word, it may with a shorter one, that begins later.
void add_shorter_words(std::vector<WordNode>& nodes) {
  std::vector<std::uint32_t> shorter(nodes.size(), 0);
  std::vector<std::uint32_t> order = {0};  // by depth
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::uint32_t at = order[i];
    const std::map<char32_t, std::uint32_t>& others = nodes[shorter[at]].next;
    for (const auto& [character, target] : nodes[at].next) {
      const auto other = others.find(character);
      if (at > 0 && other != others.end()) shorter[target] = other->second;
      nodes[target].is_word |= nodes[shorter[target]].is_word;
      order.push_back(target);
    }
    if (at > 0) nodes[at].next.insert(others.begin(), others.end());
  }
}

}  // namespace

Expression append_grammar(const Grammar& from, Grammar& to) {
  const auto offset = static_cast<std::uint32_t>(to.rules.size());
  RuleShift shift(offset);
  for (const Rule& rule : from.rules) to.rules.push_back({rule.name, shift.shifted(rule.body)});
  return call(from.root + offset);
}

// https://en.wikipedia.org/wiki/Aho-Corasick_algorithm
Expression text_without(std::span<const std::string> words) {
  std::vector<WordNode> tree = word_tree(words);
  add_shorter_words(tree);
  Graph graph;
  for (const WordNode& from : tree) {
    Graph::Node& node = graph.nodes.emplace_back();
    if (from.is_word) continue;  // nothing leads there
    node.accepting = true;
    CharacterSet listed;
    for (const auto& [character, target] : from.next) {
      listed.add(character, character);
      if (tree[target].is_word) continue;
      node.edges.push_back({characters(CharacterSet(character)), target});
    }
    node.edges.push_back({characters(listed.complement()), 0});
  }
  return Expression({std::move(graph)});
}

Expression text_without(std::string_view word) {
  const std::string one(word);
  return text_without({&one, 1});
}

}  // namespace linnet::grammar
