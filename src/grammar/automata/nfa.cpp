#include "grammar/automata/nfa.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include "grammar/utf8.hpp"

namespace linnet::grammar {
namespace {

using Edge = FiniteAutomaton::Edge;

constexpr std::uint32_t kNone = UINT32_MAX;

}  // namespace

std::optional<FiniteAutomaton> Nfa::without_epsilons(const AutomatonLimits& limits) const {
  FiniteAutomaton result;
  result.states.emplace_back();
  std::vector<std::uint32_t> numbers(states.size(), kNone), sources = {start};
  std::vector<std::uint32_t> stamps(states.size(), kNone), members;
  std::size_t edges = 0;
  for (std::uint32_t number = 0; number < sources.size(); ++number) {
    members.assign(1, sources[number]);
    stamps[sources[number]] = number;
    for (std::size_t i = 0; i < members.size(); ++i) {
      for (const std::uint32_t next : states[members[i]].epsilons) {
        if (stamps[next] != number) stamps[next] = number, members.push_back(next);
      }
    }
    std::vector<Edge> own;
    for (const std::uint32_t member : members) {
      if (member == accept) result.states[number].accepting = true;
      for (Edge edge : states[member].edges) {
        if (numbers[edge.target] == kNone) {
          numbers[edge.target] = static_cast<std::uint32_t>(sources.size());
          sources.push_back(edge.target);
          result.states.emplace_back();
        }
        edge.target = numbers[edge.target];
        own.push_back(edge);
      }
    }
    std::sort(own.begin(), own.end());
    own.erase(std::unique(own.begin(), own.end()), own.end());
    edges += own.size();
    if (edges > limits.edges) return std::nullopt;
    result.states[number].edges = std::move(own);
  }
  return result;
}

NfaBuilder::State NfaBuilder::add_state() {
  if (nfa_.states.size() >= limits_.states) {
    too_large_ = true;
    return 0;  // build() reports it; until then the number must only be valid
  }
  nfa_.states.emplace_back();
  return static_cast<State>(nfa_.states.size() - 1);
}

void NfaBuilder::add_edge(State from, std::uint32_t first, std::uint32_t last, State to) {
  if (edges_ >= limits_.edges) {
    too_large_ = true;
    return;
  }
  ++edges_;
  nfa_.states[from].edges.push_back({first, last, to});
}

std::optional<Nfa> NfaBuilder::build(const Expression& expression) {
  nfa_ = {};
  too_large_ = false;
  nfa_.start = add_state();
  nfa_.accept = add_state();
  add(expression, nfa_.start, nfa_.accept);
  if (too_large_) return std::nullopt;
  return std::move(nfa_);
}

void NfaBuilder::add(const Expression& expression, State from, State to) {
  if (too_large_) return;
  std::visit([&](const auto& node) { add(node, from, to); }, expression.node().kind);
}

void NfaBuilder::add(const Characters& node, State from, State to) {
  if (alphabet_ == Alphabet::kBytes) return add_utf8(node.set, from, to);
  for (const CharacterRange& range : node.set.ranges()) {
    add_edge(from, range.first, range.last, to);
  }
}

void NfaBuilder::add_utf8(const CharacterSet& set, State from, State to) {
  // States from which any 1, 2 or 3 continuation bytes lead to `to`: most sequences end that way.
  std::array<State, 4> any = {to, kNone, kNone, kNone};
  const auto any_continuation = [&](int count) {
    for (int i = 1; i <= count; ++i) {
      if (any[i] == kNone) add_edge(any[i] = add_state(), 0x80, 0xbf, any[i - 1]);
    }
    return any[count];
  };
  for (const CharacterRange& range : set.ranges()) {
    for (const ByteSequence& bytes : utf8_sequences(range)) {
      int free = 0;  // bytes at the end that may be any continuation
      while (free < bytes.length - 1 && bytes.ranges[bytes.length - 1 - free].first == 0x80 &&
             bytes.ranges[bytes.length - 1 - free].last == 0xbf) {
        ++free;
      }
      State at = from;
      for (int i = 0; i < bytes.length - free; ++i) {
        const bool last = i + 1 == bytes.length - free;
        const State next = last ? any_continuation(free) : add_state();
        add_edge(at, bytes.ranges[i].first, bytes.ranges[i].last, next);
        at = next;
      }
    }
  }
}

void NfaBuilder::add(const Sequence& node, State from, State to) {
  if (node.parts.empty()) return add_epsilon(from, to);
  for (std::size_t i = 0; i < node.parts.size() && !too_large_; ++i) {
    const State next = i + 1 == node.parts.size() ? to : add_state();
    add(node.parts[i], from, next);
    from = next;
  }
}

void NfaBuilder::add(const Choice& node, State from, State to) {
  for (const Expression& option : node.options) add(option, from, to);
}

void NfaBuilder::add(const Repeat& node, State from, State to) {
  const auto step = [&](State at) {
    const State next = add_state();
    add(node.body, at, next);
    return next;
  };
  for (std::uint64_t i = 0; i < node.min && !too_large_; ++i) from = step(from);
  if (!node.max) {
    const State loop = add_state();
    add_epsilon(from, loop);
    add(node.body, loop, loop);
    from = loop;
  } else {
    for (std::uint64_t i = node.min; i < *node.max && !too_large_; ++i) {
      add_epsilon(from, to);
      from = step(from);
    }
    if (*node.max < node.min) return;  // nothing matches
  }
  add_epsilon(from, to);
}

void NfaBuilder::add(const Call& node, State from, State to) {
  if (inlined_ && (*inlined_)[node.rule]) return add(rules_[node.rule].body, from, to);
  add_edge(from, kFirstCall + node.rule, kFirstCall + node.rule, to);
}

void NfaBuilder::add(const Tokens& node, State from, State to) {
  const auto [known, added] =
      token_numbers_.try_emplace(node, static_cast<std::uint32_t>(token_sets_.size()));
  if (added) token_sets_.push_back(node);
  const std::uint32_t label = kFirstTokens + known->second;
  add_edge(from, label, label, to);
}

void NfaBuilder::add(const Anchor& node, State from, State to) {
  assert(alphabet_ == Alphabet::kCharacters);
  const std::uint32_t label = node.end ? kEndAnchor : kStartAnchor;
  add_edge(from, label, label, to);
}

void NfaBuilder::add(const Graph& node, State from, State to) {
  std::vector<State> numbers;
  for (std::size_t i = 0; i < node.nodes.size() && !too_large_; ++i) numbers.push_back(add_state());
  if (too_large_ || numbers.empty()) return;
  add_epsilon(from, numbers[0]);
  for (std::size_t i = 0; i < node.nodes.size(); ++i) {
    if (node.nodes[i].accepting) add_epsilon(numbers[i], to);
    for (const Graph::Edge& edge : node.nodes[i].edges) {
      add(edge.label, numbers[i], numbers[edge.target]);
    }
  }
}

Nfa resolve_anchors(const Nfa& nfa) {
  // Each state four times: nothing read yet or something, the end promised or not. If the end is
  // promised, nothing may be read any more.
  constexpr std::uint32_t kRead = 1, kEnded = 2;
  Nfa result;
  result.states.resize(nfa.states.size() * 4 + 1);
  const auto number = [](std::uint32_t state, std::uint32_t phase) { return state * 4 + phase; };
  result.start = number(nfa.start, 0);
  result.accept = static_cast<std::uint32_t>(nfa.states.size() * 4);
  for (std::uint32_t phase = 0; phase < 4; ++phase) {
    result.states[number(nfa.accept, phase)].epsilons.push_back(result.accept);
    for (std::uint32_t i = 0; i < nfa.states.size(); ++i) {
      auto& state = result.states[number(i, phase)];
      for (const std::uint32_t next : nfa.states[i].epsilons) {
        state.epsilons.push_back(number(next, phase));
      }
      for (Edge edge : nfa.states[i].edges) {
        if (edge.first == kEndAnchor) {
          state.epsilons.push_back(number(edge.target, phase | kEnded));
        } else if (edge.first == kStartAnchor) {
          if ((phase & kRead) == 0) state.epsilons.push_back(number(edge.target, phase));
        } else if ((phase & kEnded) == 0) {
          edge.target = number(edge.target, kRead);
          state.edges.push_back(edge);
        }
      }
    }
  }
  return result;
}

}  // namespace linnet::grammar
