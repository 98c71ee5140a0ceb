#include "grammar/automata/character_tree.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/utf8.hpp"
#include "grammar/automata/nfa.hpp"

namespace linnet::grammar {

CharacterTree::CharacterTree(const CharacterSet& characters) {
  for (const CharacterRange& range : characters.ranges()) {
    for (char32_t character = range.first; character <= range.last; ++character) {
      std::string bytes;
      append_utf8(bytes, character);
      std::uint32_t node = 0;
      for (std::size_t i = 0; i < bytes.size(); ++i) {
        const bool last = i + 1 == bytes.size();
        const auto fresh = last ? 0 : static_cast<std::uint32_t>(nodes.size());
        const auto [at, added] =
            nodes[node].try_emplace(static_cast<std::uint8_t>(bytes[i]), fresh);
        node = at->second;
        if (added && !last) nodes.emplace_back();
      }
    }
  }
}

std::optional<FiniteAutomaton> restrict_to(const CharacterTree& tree,
                                           const FiniteAutomaton& automaton,
                                           AutomatonLimits& left) {
  FiniteAutomaton result;
  if (automaton.states.empty()) return result;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> numbers{{{0, 0}, 0}};
  std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs{{0, 0}};
  const auto number = [&](std::uint32_t state, std::uint32_t node) {
    const auto [at, added] = numbers.try_emplace({state, node}, pairs.size());
    if (added) pairs.push_back({state, node});
    return at->second;
  };
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto [state, node] = pairs[i];
    FiniteAutomaton::State next;
    next.accepting = automaton.states[state].accepting;
    for (const FiniteAutomaton::Edge& edge : automaton.states[state].edges) {
      if (edge.last > kLastByte) {
        next.edges.push_back({edge.first, edge.last, number(edge.target, 0)});
        continue;
      }
      const auto& children = tree.nodes[node];
      for (auto at = children.lower_bound(static_cast<std::uint8_t>(edge.first));
           at != children.end() && at->first <= edge.last; ++at) {
        const std::uint32_t target = number(edge.target, at->second);
        if (!next.edges.empty() && next.edges.back().target == target &&
            next.edges.back().last + 1u == at->first) {
          ++next.edges.back().last;
        } else {
          next.edges.push_back({at->first, at->first, target});
        }
      }
    }
    std::sort(next.edges.begin(), next.edges.end());
    if (next.edges.size() > left.edges || pairs.size() > left.states) return std::nullopt;
    left.edges -= next.edges.size();
    result.states.push_back(std::move(next));
  }
  return merge_equal_states(trim(result));
}

}  // namespace linnet::grammar
