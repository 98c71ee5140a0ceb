#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "grammar/automata/expression.hpp"
#include "grammar/automata/finite_automaton.hpp"

namespace linnet::grammar {

// Labels of automata: bytes or characters, and beyond them what is not text.
inline constexpr std::uint32_t kLastByte = 0xff;
inline constexpr std::uint32_t kStartAnchor = 0x110000;
inline constexpr std::uint32_t kEndAnchor = 0x110001;
inline constexpr std::uint32_t kFirstCall = 0x200000;      ///< + number of the rule
inline constexpr std::uint32_t kFirstTokens = 0x40000000;  ///< + number of the set of tokens

/// A nondeterministic automaton with edges that read nothing, as expressions are built from.
struct Nfa {
  struct State {
    std::vector<FiniteAutomaton::Edge> edges;
    std::vector<std::uint32_t> epsilons;
  };
  std::vector<State> states;
  std::uint32_t start = 0;
  std::uint32_t accept = 0;

  /// The same language without epsilons; nothing if the limits are too small. State 0, the
  /// start, has no edge into it.
  std::optional<FiniteAutomaton> without_epsilons(const AutomatonLimits& limits) const;
};

enum class Alphabet { kCharacters, kBytes };

/// Expressions to Nfa. Calls become edges with the label of their rule, except for rules that are
/// to be inlined.
class NfaBuilder {
 public:
  NfaBuilder(Alphabet alphabet, const AutomatonLimits& limits)
      : alphabet_(alphabet), limits_(limits) {}
  /// `rules` and `inlined`, one entry a rule, must outlive the builder; inlined rules must not call
  /// themselves, directly or through others.
  NfaBuilder(Alphabet alphabet, const AutomatonLimits& limits, std::span<const Rule> rules,
             const std::vector<bool>& inlined)
      : alphabet_(alphabet), limits_(limits), rules_(rules), inlined_(&inlined) {}

  /// Nothing if the limits are too small: those of the states for each build, those of the edges
  /// for all of them together.
  std::optional<Nfa> build(const Expression& expression);

  /// The sets of tokens that labels from kFirstTokens on stand for, over all builds.
  const std::vector<Tokens>& token_sets() const { return token_sets_; }

 private:
  using State = std::uint32_t;
  State add_state();
  void add_edge(State from, std::uint32_t first, std::uint32_t last, State to);
  void add_epsilon(State from, State to) { nfa_.states[from].epsilons.push_back(to); }

  void add(const Expression& expression, State from, State to);
  void add(const Characters& node, State from, State to);
  void add(const Sequence& node, State from, State to);
  void add(const Choice& node, State from, State to);
  void add(const Repeat& node, State from, State to);
  void add(const Call& node, State from, State to);
  void add(const Tokens& node, State from, State to);
  void add(const Anchor& node, State from, State to);
  void add(const Graph& node, State from, State to);
  void add_utf8(const CharacterSet& set, State from, State to);

  Alphabet alphabet_;
  AutomatonLimits limits_;
  std::span<const Rule> rules_;
  const std::vector<bool>* inlined_ = nullptr;
  std::vector<Tokens> token_sets_;
  std::map<Tokens, std::uint32_t> token_numbers_;  // of token_sets_
  Nfa nfa_;
  std::size_t edges_ = 0;  // of all builds
  bool too_large_ = false;
};

/// Turns the anchors of an automaton over characters into the positions where they hold.
Nfa resolve_anchors(const Nfa& nfa);

}  // namespace linnet::grammar
