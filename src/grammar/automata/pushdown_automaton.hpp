#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "grammar/automata/expression.hpp"
#include "grammar/automata/finite_automaton.hpp"

namespace linnet::grammar {

/// The one automaton that grammars, JSON schemas and regular expressions become: for each rule a
/// finite automaton over bytes whose edges may also call a rule or read a token. Every state can
/// still reach the end of its rule. No rule matches the empty text and none calls itself before it
/// has read something, so the rules that are entered at one place of a text form no cycle.
/// Immutable, safe to share between threads.
class PushdownAutomaton {
 public:
  struct ByteEdge {
    std::uint8_t first = 0;
    std::uint8_t last = 0;
    std::uint32_t target = 0;
  };
  /// Enters `rule`, and goes on at `back` when it has ended.
  struct CallEdge {
    std::uint32_t rule = 0;
    std::uint32_t back = 0;
  };
  struct TokenEdge {
    std::uint32_t set = 0;  ///< index into token_sets()
    std::uint32_t target = 0;
  };
  struct State {
    std::uint32_t first_byte_edge = 0;
    std::uint32_t first_call = 0;
    std::uint32_t first_token_edge = 0;
    std::uint32_t row = 0;      ///< of next(), 1 + number; 0: none
    std::uint32_t height = 0;   ///< calls, one in the other, that the rule's end takes from here
    bool accepting = false;     ///< the rule may end here
    bool deterministic = true;  ///< at most one target a byte
    bool tail = false;          ///< accepting, with nothing that could follow in the rule
    bool plain = false;         ///< neither accepting nor calling
  };
  struct EntryRule {
    std::uint32_t start = 0;
    std::uint32_t rank = 0;  ///< greater than that of the rules that call it before they read
  };
  static constexpr std::uint32_t kNone = UINT32_MAX;

  /// Compiles a grammar. Errors: a grammar that matches no text at all, one that is too large
  /// (AutomatonLimits), a rule that is called but does not exist.
  static Result<std::shared_ptr<const PushdownAutomaton>> compile(
      const Grammar& grammar, const AutomatonLimits& limits = {});

  /// The same language without texts that hold characters outside `spelled`: for vocabularies that
  /// cannot spell everything. An Error if no text is left, or if it would be too large.
  Result<std::shared_ptr<const PushdownAutomaton>> restricted_to(const CharacterSet& spelled) const;

  std::size_t state_count() const { return states_.size() - 1; }
  const State& state(std::uint32_t index) const { return states_[index]; }
  const EntryRule& rule(std::uint32_t index) const { return rules_[index]; }
  std::uint32_t root() const { return root_; }
  bool accepts_empty() const { return accepts_empty_; }
  bool matches_only_empty() const { return rules_.empty(); }
  std::span<const Tokens> token_sets() const { return token_sets_; }

  std::span<const ByteEdge> byte_edges(std::uint32_t index) const {
    return {byte_edges_.data() + states_[index].first_byte_edge,
            byte_edges_.data() + states_[index + 1].first_byte_edge};
  }
  std::span<const CallEdge> calls(std::uint32_t index) const {
    return {calls_.data() + states_[index].first_call,
            calls_.data() + states_[index + 1].first_call};
  }
  std::span<const TokenEdge> token_edges(std::uint32_t index) const {
    return {token_edges_.data() + states_[index].first_token_edge,
            token_edges_.data() + states_[index + 1].first_token_edge};
  }

  /// The state after `byte`, or kNone; only for deterministic states.
  std::uint32_t next(std::uint32_t index, std::uint8_t byte) const {
    const State& state = states_[index];
    if (state.row != 0) return rows_[(std::size_t{state.row} - 1) * 256 + byte];
    for (const ByteEdge& edge : byte_edges(index)) {
      if (byte >= edge.first && byte <= edge.last) return edge.target;
    }
    return kNone;
  }

 private:
  /// What the tables are made from.
  struct Parts {
    std::vector<FiniteAutomaton> rules;
    std::vector<Tokens> token_sets;
    std::uint32_t root = 0;
    bool accepts_empty = false;
  };
  class Assembler;

  explicit PushdownAutomaton(Parts parts) : parts_(std::move(parts)) {}
  static Result<std::shared_ptr<const PushdownAutomaton>> assemble(Parts parts);

  Parts parts_;
  std::vector<State> states_;  // and one after the last, where its edges end
  std::vector<ByteEdge> byte_edges_;
  std::vector<CallEdge> calls_;
  std::vector<TokenEdge> token_edges_;
  std::vector<std::uint32_t> rows_;
  std::vector<EntryRule> rules_;
  std::vector<Tokens> token_sets_;
  std::uint32_t root_ = 0;
  bool accepts_empty_ = false;
};

}  // namespace linnet::grammar
