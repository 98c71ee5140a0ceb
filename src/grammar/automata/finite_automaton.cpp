#include "grammar/automata/finite_automaton.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <unordered_map>

#include "grammar/automata/hash.hpp"
#include "grammar/automata/nfa.hpp"

namespace linnet::grammar {
namespace {

using Edge = FiniteAutomaton::Edge;
using States = std::vector<std::uint32_t>;

// The states that are reached from `start` over `next`.
std::vector<bool> reached(const std::vector<States>& next, const States& start) {
  std::vector<bool> seen(next.size(), false);
  States pending;
  const auto visit = [&](std::uint32_t state) {
    if (seen[state]) return;
    seen[state] = true;
    pending.push_back(state);
  };
  for (const std::uint32_t state : start) visit(state);
  while (!pending.empty()) {
    const std::uint32_t state = pending.back();
    pending.pop_back();
    for (const std::uint32_t target : next[state]) visit(target);
  }
  return seen;
}

// Joins neighbouring ranges that lead to the same state. Sorts the edges.
void join_edges(std::vector<Edge>& edges) {
  std::sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) {
    return std::tie(a.target, a.first, a.last) < std::tie(b.target, b.first, b.last);
  });
  std::size_t kept = 0;
  for (const Edge& edge : edges) {
    if (kept > 0 && edges[kept - 1].target == edge.target &&
        edge.first <= std::uint64_t{edges[kept - 1].last} + 1) {
      edges[kept - 1].last = std::max(edges[kept - 1].last, edge.last);
    } else {
      edges[kept++] = edge;
    }
  }
  edges.resize(kept);
  std::sort(edges.begin(), edges.end());
}

// Builds an automaton whose states are sets (or pairs) of other states, numbered as they come up.
class SubsetNumbers {
 public:
  std::uint32_t number(const States& subset) {
    const auto [at, added] = numbers_.try_emplace(subset, subsets_.size());
    if (added) subsets_.push_back(&at->first);
    return at->second;
  }
  std::size_t size() const { return subsets_.size(); }
  // Stays where it is when others come.
  const States& subset(std::size_t number) const { return *subsets_[number]; }

 private:
  std::unordered_map<States, std::uint32_t, NumbersHash> numbers_;
  std::vector<const States*> subsets_;
};

// The edges of all states of `subset`, cut where they overlap, each with all its targets. Returns
// how many steps that took.
template <class Emit>
std::size_t for_each_interval(const FiniteAutomaton& automaton, const States& subset, Emit&& emit) {
  struct Event {
    std::uint64_t at;
    bool opens;
    std::uint32_t target;
    auto operator<=>(const Event&) const = default;
  };
  std::vector<Event> events;
  for (const std::uint32_t state : subset) {
    for (const Edge& edge : automaton.states[state].edges) {
      events.push_back({edge.first, true, edge.target});
      events.push_back({std::uint64_t{edge.last} + 1, false, edge.target});
    }
  }
  std::sort(events.begin(), events.end());
  std::size_t work = subset.size() + events.size();
  States open, closed, opened, next;  // sorted, with repetitions
  for (std::size_t i = 0; i < events.size();) {
    const std::uint64_t at = events[i].at;
    closed.clear();
    opened.clear();
    for (; i < events.size() && events[i].at == at; ++i) {
      (events[i].opens ? opened : closed).push_back(events[i].target);
    }
    next.clear();
    std::set_difference(open.begin(), open.end(), closed.begin(), closed.end(),
                        std::back_inserter(next));
    open.clear();
    std::merge(next.begin(), next.end(), opened.begin(), opened.end(), std::back_inserter(open));
    work += open.size();
    if (open.empty()) continue;
    States targets;
    std::unique_copy(open.begin(), open.end(), std::back_inserter(targets));
    emit(static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(events[i].at - 1), targets);
  }
  return work;
}

// States from which every text over characters is accepted, whatever follows.
std::vector<bool> universal_states(const FiniteAutomaton& automaton) {
  std::vector<bool> result;
  for (std::uint32_t state = 0; state < automaton.states.size(); ++state) {
    CharacterSet loop;
    for (const Edge& edge : automaton.states[state].edges) {
      if (edge.target == state) loop.add(edge.first, edge.last);
    }
    result.push_back(automaton.states[state].accepting && loop == CharacterSet::all());
  }
  return result;
}

// All states that `automaton` reaches, in the order in which a depth-first search leaves them: most
// targets of a state stand before it.
States leaving_order(const FiniteAutomaton& automaton) {
  const std::size_t count = automaton.states.size();
  States order;
  std::vector<std::size_t> at(count, 0);
  std::vector<bool> seen(count, false);
  for (States path = {0}; !path.empty();) {
    const std::uint32_t state = path.back();
    seen[state] = true;
    const auto& edges = automaton.states[state].edges;
    while (at[state] < edges.size() && seen[edges[at[state]].target]) ++at[state];
    if (at[state] < edges.size()) {
      path.push_back(edges[at[state]].target);
    } else {
      order.push_back(state);
      path.pop_back();
    }
  }
  return order;
}

// The edges of all states to those that represent their targets.
void redirect_edges(const States& representative, FiniteAutomaton& automaton) {
  for (auto& state : automaton.states) {
    for (Edge& edge : state.edges) {
      while (representative[edge.target] != edge.target) edge.target = representative[edge.target];
    }
    join_edges(state.edges);
  }
  for (auto& state : automaton.states) {  // state 0 stays the start, whatever it was merged with
    for (Edge& edge : state.edges) {
      if (edge.target == representative[0]) edge.target = 0;
    }
  }
}

}  // namespace

Error too_large(const AutomatonLimits& limits) {
  return Error{"its automaton would need more than " + std::to_string(limits.states) +
               " states or " + std::to_string(limits.edges) + " edges"};
}

Status AutomatonBudget::count(const FiniteAutomaton& automaton) {
  constexpr std::size_t kMost = 5'000'000;
  built_ += automaton.states.size();
  for (const auto& state : automaton.states) built_ += state.edges.size();
  if (built_ <= kMost) return {};
  return Error{"its strings and numbers together need automata of more than " +
               std::to_string(kMost) + " states and edges"};
}

FiniteAutomaton trim(const FiniteAutomaton& automaton) {
  const std::size_t count = automaton.states.size();
  std::vector<States> next(count), previous(count);
  States accepting;
  for (std::uint32_t state = 0; state < count; ++state) {
    if (automaton.states[state].accepting) accepting.push_back(state);
    for (const Edge& edge : automaton.states[state].edges) {
      next[state].push_back(edge.target);
      previous[edge.target].push_back(state);
    }
  }
  if (count == 0 || accepting.empty()) return {};
  const std::vector<bool> forward = reached(next, {0}), backward = reached(previous, accepting);
  if (!backward[0]) return {};
  States renumbered(count, 0);
  FiniteAutomaton result;
  const auto useful = [&](std::uint32_t state) { return forward[state] && backward[state]; };
  for (std::uint32_t state = 0; state < count; ++state) {
    if (!useful(state)) continue;
    renumbered[state] = static_cast<std::uint32_t>(result.states.size());
    result.states.push_back(automaton.states[state]);
  }
  for (auto& state : result.states) {
    std::erase_if(state.edges, [&](const Edge& edge) { return !useful(edge.target); });
    for (Edge& edge : state.edges) edge.target = renumbered[edge.target];
  }
  return result;
}

std::optional<FiniteAutomaton> determinize(const FiniteAutomaton& automaton,
                                           const AutomatonLimits& limits) {
  FiniteAutomaton result;
  if (automaton.states.empty()) return result;
  SubsetNumbers subsets;
  subsets.number({0});
  const std::vector<bool> universal = universal_states(automaton);
  // A subset with a universal state accepts the same as that state alone.
  const auto number_of = [&](const States& targets) {
    const auto found = std::find_if(targets.begin(), targets.end(),
                                    [&](std::uint32_t target) { return universal[target]; });
    return subsets.number(found == targets.end() ? targets : States{*found});
  };
  std::size_t edges = 0, work = 0;
  for (std::size_t done = 0; done < subsets.size(); ++done) {
    const States& subset = subsets.subset(done);
    FiniteAutomaton::State state;
    state.accepting = std::any_of(subset.begin(), subset.end(), [&](std::uint32_t member) {
      return automaton.states[member].accepting;
    });
    work += for_each_interval(automaton, subset,
                              [&](std::uint32_t first, std::uint32_t last, const States& targets) {
                                state.edges.push_back({first, last, number_of(targets)});
                              });
    join_edges(state.edges);
    edges += state.edges.size();
    result.states.push_back(std::move(state));
    constexpr std::size_t kStepsAnEdge = 16;  // large sets of states cost memory and time
    if (subsets.size() > limits.states || edges > limits.edges ||
        work / kStepsAnEdge > limits.edges) {
      return std::nullopt;
    }
  }
  return result;
}

FiniteAutomaton merge_equal_states(const FiniteAutomaton& automaton) {
  const std::size_t count = automaton.states.size();
  if (count == 0) return {};
  const States order = leaving_order(automaton);
  States representative(count);
  for (std::uint32_t state = 0; state < count; ++state) representative[state] = state;
  constexpr int kPasses = 4;
  std::vector<Edge> edges;
  for (int pass = 0, merged = 1; pass < kPasses && merged > 0; ++pass) {
    merged = 0;
    std::unordered_map<States, std::uint32_t, NumbersHash> known;
    for (const std::uint32_t state : order) {
      if (representative[state] != state) continue;
      edges = automaton.states[state].edges;
      for (Edge& edge : edges) {
        while (representative[edge.target] != edge.target)
          edge.target = representative[edge.target];
      }
      join_edges(edges);
      States signature = {automaton.states[state].accepting};
      for (const Edge& edge : edges) {
        signature.insert(signature.end(), {edge.first, edge.last, edge.target});
      }
      const auto [known_at, added] = known.try_emplace(std::move(signature), state);
      if (!added) {
        representative[state] = known_at->second;
        ++merged;
      }
    }
  }
  FiniteAutomaton result = automaton;
  redirect_edges(representative, result);
  return trim(result);
}

std::optional<FiniteAutomaton> intersect(const FiniteAutomaton& a, const FiniteAutomaton& b,
                                         const AutomatonLimits& limits) {
  FiniteAutomaton result;
  if (a.states.empty() || b.states.empty()) return result;
  SubsetNumbers pairs;
  pairs.number({0, 0});
  std::size_t edges = 0;
  for (std::size_t done = 0; done < pairs.size(); ++done) {
    const States& pair = pairs.subset(done);
    const auto& left = a.states[pair[0]];
    const auto& right = b.states[pair[1]];
    FiniteAutomaton::State state;
    state.accepting = left.accepting && right.accepting;
    std::size_t begin = 0;  // edges are sorted: those before end before any edge that is left
    for (const Edge& x : left.edges) {
      while (begin < right.edges.size() && right.edges[begin].last < x.first) ++begin;
      for (std::size_t i = begin; i < right.edges.size(); ++i) {
        const Edge& y = right.edges[i];
        if (y.first > x.last) break;
        const std::uint32_t first = std::max(x.first, y.first), last = std::min(x.last, y.last);
        if (first <= last) {
          state.edges.push_back({first, last, pairs.number({x.target, y.target})});
        }
      }
    }
    edges += state.edges.size();
    result.states.push_back(std::move(state));
    if (pairs.size() > limits.states || edges > limits.edges) return std::nullopt;
  }
  return trim(result);
}

FiniteAutomaton complement(const FiniteAutomaton& automaton) {
  FiniteAutomaton result = automaton;
  if (result.states.empty()) result.states.emplace_back();
  const auto sink = static_cast<std::uint32_t>(result.states.size());
  result.states.emplace_back();
  for (auto& state : result.states) {
    CharacterSet read;
    for (const Edge& edge : state.edges) read.add(edge.first, edge.last);
    const CharacterSet unread = read.complement();
    for (const CharacterRange& range : unread.ranges()) {
      state.edges.push_back({range.first, range.last, sink});
    }
    std::sort(state.edges.begin(), state.edges.end());
    state.accepting = !state.accepting;
  }
  return trim(result);
}

bool is_empty(const FiniteAutomaton& automaton) { return trim(automaton).states.empty(); }

bool accepts(const FiniteAutomaton& automaton, std::u32string_view text) {
  if (automaton.states.empty()) return false;
  std::uint32_t state = 0;
  for (const char32_t character : text) {
    const auto& edges = automaton.states[state].edges;
    const auto edge = std::partition_point(edges.begin(), edges.end(),
                                           [&](const Edge& e) { return e.last < character; });
    if (edge == edges.end() || edge->first > character) return false;
    state = edge->target;
  }
  return automaton.states[state].accepting;
}

Expression to_expression(const FiniteAutomaton& automaton,
                         const std::function<Expression(const CharacterSet&)>& encode) {
  if (automaton.states.empty()) return nothing();
  // Most states of a long repetition read the same characters.
  std::unordered_map<States, Expression, NumbersHash> encoded;
  const auto encode_once = [&](const CharacterSet& set) {
    States key;
    for (const CharacterRange& range : set.ranges()) {
      key.insert(key.end(), {range.first, range.last});
    }
    const auto known = encoded.find(key);
    if (known != encoded.end()) return known->second;
    return encoded.emplace(std::move(key), encode(set)).first->second;
  };
  Graph graph;
  for (const auto& state : automaton.states) {
    std::unordered_map<std::uint32_t, CharacterSet> sets;
    States targets;
    for (const Edge& edge : state.edges) {
      const auto [at, added] = sets.try_emplace(edge.target);
      if (added) targets.push_back(edge.target);
      at->second.add(edge.first, edge.last);
    }
    Graph::Node node;
    node.accepting = state.accepting;
    for (const std::uint32_t target : targets) {
      node.edges.push_back({encode_once(sets[target]), target});
    }
    graph.nodes.push_back(std::move(node));
  }
  return Expression({std::move(graph)});
}

Result<FiniteAutomaton> compile_regular(const Expression& expression,
                                        const AutomatonLimits& limits) {
  NfaBuilder builder(Alphabet::kCharacters, limits);
  auto nfa = builder.build(expression);
  if (!nfa) return too_large(limits);
  const auto automaton = resolve_anchors(*nfa).without_epsilons(limits);
  if (!automaton) return too_large(limits);
  auto deterministic = determinize(trim(*automaton), limits);
  if (!deterministic) return too_large(limits);
  return merge_equal_states(*deterministic);
}

}  // namespace linnet::grammar
