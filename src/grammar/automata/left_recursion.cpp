#include "grammar/automata/left_recursion.hpp"

#include <algorithm>

#include "grammar/automata/nfa.hpp"

namespace linnet::grammar {
namespace {

using Edge = FiniteAutomaton::Edge;

bool is_call(const Edge& edge) { return edge.first >= kFirstCall && edge.first < kFirstTokens; }

// Tarjan's algorithm with an explicit stack: the sets of rules that left-call each other.
class Components {
 public:
  explicit Components(std::vector<std::vector<std::uint32_t>> calls)
      : calls_(std::move(calls)), index_(calls_.size(), 0), low_(calls_.size(), 0) {
    for (std::uint32_t rule = 0; rule < calls_.size(); ++rule) {
      if (index_[rule] == 0) search(rule);
    }
  }
  /// Callees come before their callers.
  const std::vector<std::vector<std::uint32_t>>& all() const { return components_; }

 private:
  static constexpr std::uint32_t kClosed = UINT32_MAX;

  void open(std::uint32_t rule) {
    index_[rule] = low_[rule] = ++counter_;
    path_.push_back({rule, 0});
    members_.push_back(rule);
  }

  void search(std::uint32_t root) {
    open(root);
    while (!path_.empty()) {
      auto& [rule, next] = path_.back();
      if (next < calls_[rule].size()) {
        const std::uint32_t callee = calls_[rule][next++];
        if (index_[callee] == 0) {
          open(callee);
        } else if (index_[callee] != kClosed) {
          low_[rule] = std::min(low_[rule], index_[callee]);
        }
        continue;
      }
      const std::uint32_t done = rule;
      path_.pop_back();
      if (!path_.empty()) low_[path_.back().rule] = std::min(low_[path_.back().rule], low_[done]);
      if (low_[done] == index_[done]) close(done);
    }
  }

  void close(std::uint32_t rule) {
    std::vector<std::uint32_t> component;
    for (std::uint32_t member = kClosed; member != rule; members_.pop_back()) {
      member = members_.back();
      index_[member] = low_[member] = kClosed;
      component.push_back(member);
    }
    components_.push_back(std::move(component));
  }

  struct Step {
    std::uint32_t rule;
    std::size_t next;
  };
  std::vector<std::vector<std::uint32_t>> calls_;
  std::vector<std::uint32_t> index_, low_, members_;
  std::vector<Step> path_;
  std::vector<std::vector<std::uint32_t>> components_;
  std::uint32_t counter_ = 0;
};

// Rules of `component` left-call each other. A text of `rule` begins with something that is not
// such a call, in any of the rules; whenever one of them ends, the rules that left-call it may go
// on. This builds just that: the copies of all rules side by side, and from the end of each to
// where its left-callers go on.
Nfa unrolled(std::uint32_t rule, const std::vector<std::uint32_t>& component,
             const std::vector<FiniteAutomaton>& rules) {
  Nfa nfa;
  nfa.states.resize(2);
  nfa.start = 0;
  nfa.accept = 1;
  std::vector<std::uint32_t> first(component.size());
  for (std::size_t i = 0; i < component.size(); ++i) {
    first[i] = static_cast<std::uint32_t>(nfa.states.size());
    nfa.states.resize(nfa.states.size() + rules[component[i]].states.size());
  }
  const auto position = [&](std::uint32_t callee) {
    return static_cast<std::size_t>(std::find(component.begin(), component.end(), callee) -
                                    component.begin());
  };
  std::vector<std::vector<std::uint32_t>> goes_on(component.size());
  for (std::size_t i = 0; i < component.size(); ++i) {
    const FiniteAutomaton& copy = rules[component[i]];
    for (std::uint32_t state = 0; state < copy.states.size(); ++state) {
      for (Edge edge : copy.states[state].edges) {
        edge.target += first[i];
        const std::size_t callee =
            state == 0 && is_call(edge) ? position(edge.first - kFirstCall) : component.size();
        if (callee < component.size()) {
          goes_on[callee].push_back(edge.target);
        } else {
          nfa.states[state == 0 ? nfa.start : first[i] + state].edges.push_back(edge);
        }
      }
    }
  }
  for (std::size_t i = 0; i < component.size(); ++i) {
    const FiniteAutomaton& copy = rules[component[i]];
    for (std::uint32_t state = 0; state < copy.states.size(); ++state) {
      if (!copy.states[state].accepting) continue;
      auto& epsilons = nfa.states[first[i] + state].epsilons;
      epsilons = goes_on[i];
      if (component[i] == rule) epsilons.push_back(nfa.accept);
    }
  }
  return nfa;
}

}  // namespace

std::vector<std::vector<std::uint32_t>> left_calls(std::span<const FiniteAutomaton> rules) {
  std::vector<std::vector<std::uint32_t>> calls(rules.size());
  for (std::size_t rule = 0; rule < rules.size(); ++rule) {
    if (rules[rule].states.empty()) continue;
    for (const Edge& edge : rules[rule].states[0].edges) {
      if (!is_call(edge)) continue;
      for (std::uint32_t label = edge.first; label <= edge.last; ++label) {
        calls[rule].push_back(label - kFirstCall);
      }
    }
  }
  return calls;
}

Status remove_left_recursion(std::vector<FiniteAutomaton>& rules,
                             std::span<const std::string> names, const AutomatonLimits& limits) {
  const auto calls = left_calls(rules);
  const Components components(calls);
  for (const auto& component : components.all()) {
    const std::uint32_t first = component[0];
    const bool calls_itself =
        std::find(calls[first].begin(), calls[first].end(), first) != calls[first].end();
    if (component.size() == 1 && !calls_itself) continue;
    std::size_t states = 0;
    for (const std::uint32_t rule : component) states += rules[rule].states.size();
    std::vector<FiniteAutomaton> rewritten;
    std::size_t edges_left = limits.edges;
    for (const std::uint32_t rule : component) {
      std::optional<FiniteAutomaton> automaton;
      if (states * component.size() <= limits.states) {
        automaton = unrolled(rule, component, rules).without_epsilons({limits.states, edges_left});
      }
      if (!automaton) {
        return Error{"rule " + names[rule] + " calls itself before it reads anything, through " +
                     std::to_string(component.size()) +
                     " rules that are too large to rewrite: put what they read first"};
      }
      for (const auto& state : automaton->states) edges_left -= state.edges.size();
      rewritten.push_back(trim(*automaton));
    }
    for (std::size_t i = 0; i < component.size(); ++i) {
      rules[component[i]] = std::move(rewritten[i]);
    }
  }
  return {};
}

std::vector<std::uint32_t> left_call_order(std::span<const FiniteAutomaton> rules) {
  std::vector<std::uint32_t> order;
  const Components components(left_calls(rules));
  for (const auto& component : components.all()) order.push_back(component[0]);
  std::reverse(order.begin(), order.end());
  return order;
}

}  // namespace linnet::grammar
