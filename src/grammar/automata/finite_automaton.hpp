#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "grammar/automata/expression.hpp"

namespace linnet::grammar {

/// A finite automaton over labels, which are numbers: characters, or bytes together with the calls
/// and tokens of a pushdown automaton. State 0 is the start; no states: nothing is accepted. The
/// edges of a state are sorted.
struct FiniteAutomaton {
  /// Reads any label from first to last.
  struct Edge {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    std::uint32_t target = 0;
    auto operator<=>(const Edge&) const = default;
  };
  struct State {
    std::vector<Edge> edges;
    bool accepting = false;
  };
  std::vector<State> states;
};

/// How large an automaton may become; beyond it, operations give up.
struct AutomatonLimits {
  std::size_t states = 200'000;
  std::size_t edges = 2'000'000;
};

/// What the automata of one document have cost so far: each may be within its limits, and there may
/// still be thousands of them.
class AutomatonBudget {
 public:
  /// Counts an automaton that was built. An Error if all of them together are too many.
  Status count(const FiniteAutomaton& automaton);

 private:
  std::size_t built_ = 0;  // states and edges
};

/// Says that an automaton would have grown beyond `limits`.
Error too_large(const AutomatonLimits& limits);

/// Drops states that no text reaches or that reach no accepting state.
FiniteAutomaton trim(const FiniteAutomaton& automaton);

/// The same language with at most one next state a label; nothing if the limits are too small.
std::optional<FiniteAutomaton> determinize(const FiniteAutomaton& automaton,
                                           const AutomatonLimits& limits);

/// Merges states with the same edges until none are left (not always the smallest automaton, but
/// in time near linear).
FiniteAutomaton merge_equal_states(const FiniteAutomaton& automaton);

/// What both accept; nothing if the limits are too small.
std::optional<FiniteAutomaton> intersect(const FiniteAutomaton& a, const FiniteAutomaton& b,
                                         const AutomatonLimits& limits);

/// The texts over characters that `automaton`, which must be deterministic, does not accept.
FiniteAutomaton complement(const FiniteAutomaton& automaton);

/// True if no text is accepted.
bool is_empty(const FiniteAutomaton& automaton);

/// Walks a deterministic automaton over characters.
bool accepts(const FiniteAutomaton& automaton, std::u32string_view text);

/// The automaton as an expression; `encode` says how a set of characters is written.
Expression to_expression(const FiniteAutomaton& automaton,
                         const std::function<Expression(const CharacterSet&)>& encode);

/// The deterministic automaton over characters of an expression without calls and tokens. Anchors
/// hold at the start and the end of the text. An Error if it grows beyond the limits.
Result<FiniteAutomaton> compile_regular(const Expression& expression,
                                        const AutomatonLimits& limits = {});

}  // namespace linnet::grammar
