#include "grammar/automata/pushdown_automaton.hpp"

#include <algorithm>
#include <queue>

#include "grammar/automata/character_tree.hpp"
#include "grammar/automata/left_recursion.hpp"
#include "grammar/automata/nfa.hpp"
#include "grammar/automata/rewrite.hpp"

namespace linnet::grammar {
namespace {

using Edge = FiniteAutomaton::Edge;

bool is_byte(const Edge& edge) { return edge.last <= kLastByte; }
bool is_call(const Edge& edge) { return edge.first >= kFirstCall && edge.first < kFirstTokens; }

// Rules that match the empty text, and maybe more.
std::vector<bool> nullable_rules(const std::vector<Nfa>& rules) {
  std::vector<bool> nullable(rules.size(), false);
  // Each rule is looked at again when a rule that it calls has become nullable.
  std::vector<std::vector<std::uint32_t>> callers(rules.size());
  std::vector<std::uint32_t> pending;
  std::vector<bool> waits(rules.size(), true);
  for (std::uint32_t rule = 0; rule < rules.size(); ++rule) {
    pending.push_back(rule);
    for (const auto& state : rules[rule].states) {
      for (const Edge& edge : state.edges) {
        if (is_call(edge)) callers[edge.first - kFirstCall].push_back(rule);
      }
    }
  }
  const auto reaches_end = [&](const Nfa& nfa) {
    std::vector<bool> seen(nfa.states.size(), false);
    std::vector<std::uint32_t> reached = {nfa.start};
    seen[nfa.start] = true;
    const auto visit = [&](std::uint32_t state) {
      if (!seen[state]) seen[state] = true, reached.push_back(state);
    };
    for (std::size_t i = 0; i < reached.size(); ++i) {
      for (const std::uint32_t next : nfa.states[reached[i]].epsilons) visit(next);
      for (const Edge& edge : nfa.states[reached[i]].edges) {
        if (is_call(edge) && nullable[edge.first - kFirstCall]) visit(edge.target);
      }
    }
    return static_cast<bool>(seen[nfa.accept]);
  };
  for (std::size_t i = 0; i < pending.size(); ++i) {
    const std::uint32_t rule = pending[i];
    waits[rule] = false;
    if (nullable[rule] || !reaches_end(rules[rule])) continue;
    nullable[rule] = true;
    for (const std::uint32_t caller : callers[rule]) {
      if (!waits[caller]) waits[caller] = true, pending.push_back(caller);
    }
  }
  return nullable;
}

// Calls of nullable rules may also be skipped: from here on they match at least one byte.
void add_skips(std::vector<Nfa>& rules, const std::vector<bool>& nullable) {
  for (Nfa& rule : rules) {
    for (auto& state : rule.states) {
      for (const Edge& edge : state.edges) {
        if (is_call(edge) && nullable[edge.first - kFirstCall]) {
          state.epsilons.push_back(edge.target);
        }
      }
    }
  }
}

// Fewer states and one target a label if that does not cost too much.
FiniteAutomaton simplified(const FiniteAutomaton& automaton, const AutomatonLimits& limits) {
  std::size_t edges = 0;
  for (const auto& state : automaton.states) edges += state.edges.size();
  const AutomatonLimits affordable = {
      std::min(limits.states, 4 * automaton.states.size() + 64),
      std::min(limits.edges, 6 * edges + 256),
  };
  auto deterministic = determinize(automaton, affordable);
  return merge_equal_states(deterministic ? *deterministic : automaton);
}

}  // namespace

// Writes the tables of an automaton from its parts.
class PushdownAutomaton::Assembler {
 public:
  explicit Assembler(PushdownAutomaton& out) : out_(out), parts_(out.parts_) {}

  Status run() {
    number_states();
    find_heights();
    if (parts_.rules.empty() || heights_[first_[parts_.root]] == kNone) {
      if (!parts_.accepts_empty) return Error{"the grammar matches no text"};
      out_.states_.emplace_back();
    } else {
      write_states();
      write_rules();
    }
    out_.token_sets_ = parts_.token_sets;
    out_.root_ = parts_.root;
    out_.accepts_empty_ = parts_.accepts_empty;
    return {};
  }

 private:
  void number_states() {
    std::uint32_t next = 0;
    for (const FiniteAutomaton& rule : parts_.rules) {
      first_.push_back(next);
      for (const auto& state : rule.states) states_.push_back(&state);
      next += static_cast<std::uint32_t>(rule.states.size());
    }
    // A rule without states is never entered; it still needs a number to have no height.
    heights_.assign(next + 1, kNone);
    for (std::size_t rule = 0; rule < parts_.rules.size(); ++rule) {
      if (parts_.rules[rule].states.empty()) first_[rule] = next;
    }
  }

  // The least number of nested calls with which each state reaches the end of its rule: Knuth's
  // generalisation of Dijkstra's algorithm (https://doi.org/10.1016/0020-0190(77)90002-3). States
  // without a height never reach it.
  void find_heights() {
    struct Call {
      std::uint32_t from, rule, back;
    };
    std::vector<std::vector<std::uint32_t>> readers(heights_.size());
    std::vector<Call> calls;
    std::vector<std::vector<std::uint32_t>> by_back(heights_.size()), by_start(heights_.size());
    using Item = std::pair<std::uint32_t, std::uint32_t>;
    std::priority_queue<Item, std::vector<Item>, std::greater<>> queue;
    for_each_edge([&](std::uint32_t from, const Edge& edge, std::uint32_t target) {
      if (!is_call(edge)) return readers[target].push_back(from);
      for (std::uint32_t label = edge.first; label <= edge.last; ++label) {
        const auto number = static_cast<std::uint32_t>(calls.size());
        calls.push_back({from, label - kFirstCall, target});
        by_back[target].push_back(number);
        by_start[first_[label - kFirstCall]].push_back(number);
      }
    });
    for (std::uint32_t state = 0; state < states_.size(); ++state) {
      if (states_[state]->accepting) queue.push({0, state});
    }
    const auto call_height = [&](const Call& call) {
      const std::uint32_t callee = heights_[first_[call.rule]], back = heights_[call.back];
      if (callee == kNone || back == kNone) return kNone;
      return is_tail(call.back) ? callee : std::max(callee + 1, back);
    };
    while (!queue.empty()) {
      const auto [height, state] = queue.top();
      queue.pop();
      if (heights_[state] != kNone) continue;
      heights_[state] = height;
      for (const std::uint32_t from : readers[state]) queue.push({height, from});
      for (const auto* list : {&by_back[state], &by_start[state]}) {
        for (const std::uint32_t number : *list) {
          const std::uint32_t through = call_height(calls[number]);
          if (through != kNone) queue.push({through, calls[number].from});
        }
      }
    }
  }

  bool is_tail(std::uint32_t state) const {
    return states_[state]->accepting && states_[state]->edges.empty();
  }

  template <class Visit>
  void for_each_edge(Visit&& visit) {
    for (std::size_t rule = 0; rule < parts_.rules.size(); ++rule) {
      const auto& states = parts_.rules[rule].states;
      for (std::uint32_t state = 0; state < states.size(); ++state) {
        for (const Edge& edge : states[state].edges) {
          visit(first_[rule] + state, edge, first_[rule] + edge.target);
        }
      }
    }
  }

  void write_states() {
    numbers_.assign(heights_.size(), kNone);
    for (std::uint32_t state = 0; state < states_.size(); ++state) {
      if (heights_[state] != kNone) numbers_[state] = kept_++;
    }
    for (std::size_t rule = 0; rule < parts_.rules.size(); ++rule) {
      for (std::uint32_t i = 0; i < parts_.rules[rule].states.size(); ++i) {
        if (heights_[first_[rule] + i] != kNone) write_state(first_[rule], i);
      }
    }
    out_.states_.push_back(next_state());  // where the edges of the last one end
  }

  State next_state() const {
    State state;
    state.first_byte_edge = static_cast<std::uint32_t>(out_.byte_edges_.size());
    state.first_call = static_cast<std::uint32_t>(out_.calls_.size());
    state.first_token_edge = static_cast<std::uint32_t>(out_.token_edges_.size());
    return state;
  }

  void write_state(std::uint32_t first, std::uint32_t index) {
    const auto& from = *states_[first + index];
    State state = next_state();
    state.accepting = from.accepting;
    state.height = heights_[first + index];
    state.tail = is_tail(first + index);
    std::uint64_t next_byte = 0;
    for (const Edge& edge : from.edges) {
      const std::uint32_t target = first + edge.target;
      if (heights_[target] == kNone) continue;
      if (is_byte(edge)) {
        state.deterministic &= edge.first >= next_byte;
        next_byte = std::max<std::uint64_t>(next_byte, edge.last + 1);
        out_.byte_edges_.push_back({static_cast<std::uint8_t>(edge.first),
                                    static_cast<std::uint8_t>(edge.last), numbers_[target]});
      } else if (is_call(edge)) {
        for (std::uint32_t label = edge.first; label <= edge.last; ++label) {
          if (heights_[first_[label - kFirstCall]] == kNone) continue;
          out_.calls_.push_back({label - kFirstCall, numbers_[target]});
        }
      } else {
        for (std::uint32_t label = edge.first; label <= edge.last; ++label) {
          out_.token_edges_.push_back({label - kFirstTokens, numbers_[target]});
        }
      }
    }
    state.plain = !state.accepting && out_.calls_.size() == state.first_call;
    constexpr std::size_t kFewEdges = 4;
    const std::size_t edges = out_.byte_edges_.size() - state.first_byte_edge;
    if (state.deterministic && edges > kFewEdges) state.row = add_row(state.first_byte_edge);
    out_.states_.push_back(state);
  }

  std::uint32_t add_row(std::uint32_t first_edge) {
    const std::size_t row = out_.rows_.size() / 256;
    out_.rows_.resize(out_.rows_.size() + 256, kNone);
    for (std::size_t i = first_edge; i < out_.byte_edges_.size(); ++i) {
      const ByteEdge& edge = out_.byte_edges_[i];
      std::fill(out_.rows_.begin() + static_cast<std::ptrdiff_t>(row * 256 + edge.first),
                out_.rows_.begin() + static_cast<std::ptrdiff_t>(row * 256 + edge.last + 1),
                edge.target);
    }
    return static_cast<std::uint32_t>(row + 1);
  }

  void write_rules() {
    out_.rules_.resize(parts_.rules.size());
    std::uint32_t rank = 0;
    for (const std::uint32_t rule : left_call_order(parts_.rules)) {
      out_.rules_[rule] = {numbers_[first_[rule]], rank++};
    }
  }

  PushdownAutomaton& out_;
  const Parts& parts_;
  std::vector<std::uint32_t> first_;  // state of each rule
  std::vector<const FiniteAutomaton::State*> states_;
  std::vector<std::uint32_t> heights_, numbers_;
  std::uint32_t kept_ = 0;
};

Result<std::shared_ptr<const PushdownAutomaton>> PushdownAutomaton::assemble(Parts parts) {
  std::shared_ptr<PushdownAutomaton> automaton(new PushdownAutomaton(std::move(parts)));
  if (const Status status = Assembler(*automaton).run(); !status) return status.error();
  return std::shared_ptr<const PushdownAutomaton>(std::move(automaton));
}

Result<std::shared_ptr<const PushdownAutomaton>> PushdownAutomaton::compile(
    const Grammar& grammar, const AutomatonLimits& limits) {
  const auto is_deep = [](const Rule& rule) { return rule.body.depth() > kDeepestExpression; };
  if (std::ranges::any_of(grammar.rules, is_deep)) {
    return Error{"the grammar is nested more than " + std::to_string(kDeepestExpression) + " deep"};
  }
  auto split = split_repetitions(grammar);
  if (!split) return split.error();
  const std::vector<Rule>& rules = split->rules;
  if (split->root >= rules.size()) return Error{"the grammar has no root rule"};
  const std::vector<bool> inlined = rules_to_inline(*split);

  NfaBuilder builder(Alphabet::kBytes, limits, rules, inlined);
  std::vector<Nfa> nfas(rules.size());
  std::vector<std::string> names(rules.size());
  AutomatonLimits left = limits;
  for (std::size_t rule = 0; rule < rules.size(); ++rule) {
    names[rule] = rules[rule].name;
    auto nfa = builder.build(inlined[rule] ? nothing() : rules[rule].body);
    if (!nfa || nfa->states.size() > left.states) return too_large(limits);
    left.states -= nfa->states.size();
    nfas[rule] = std::move(*nfa);
  }
  const std::vector<bool> nullable = nullable_rules(nfas);
  add_skips(nfas, nullable);

  Parts parts;
  parts.root = split->root;
  parts.accepts_empty = nullable[split->root];
  parts.token_sets = builder.token_sets();
  for (Nfa& nfa : nfas) {
    auto automaton = nfa.without_epsilons(left);
    if (!automaton) return too_large(limits);
    for (const auto& state : automaton->states) left.edges -= state.edges.size();
    nfa = {};
    automaton->states[0].accepting = false;  // the empty text is what skips are for
    parts.rules.push_back(trim(*automaton));
  }
  if (const Status status = remove_left_recursion(parts.rules, names, limits); !status) {
    return status.error();
  }
  for (FiniteAutomaton& rule : parts.rules) rule = simplified(rule, limits);
  return assemble(std::move(parts));
}

Result<std::shared_ptr<const PushdownAutomaton>> PushdownAutomaton::restricted_to(
    const CharacterSet& spelled) const {
  // What reads any character becomes as large as the tree, before equal states are merged.
  constexpr AutomatonLimits kLimits{.states = 1'000'000, .edges = 4'000'000};
  const CharacterTree tree(spelled);
  AutomatonLimits left = kLimits;
  Parts parts = parts_;
  for (FiniteAutomaton& rule : parts.rules) {
    auto narrower = restrict_to(tree, rule, left);
    if (!narrower) return too_large(kLimits);
    rule = std::move(*narrower);
  }
  auto result = assemble(std::move(parts));
  if (!result) return Error{"the vocabulary cannot spell any text that the grammar matches"};
  return result;
}

}  // namespace linnet::grammar
