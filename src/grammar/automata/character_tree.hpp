#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "grammar/automata/expression.hpp"
#include "grammar/automata/finite_automaton.hpp"

namespace linnet::grammar {

/// The bytes of characters in UTF-8: children by the next byte. Node 0 is where a character begins
/// and ends.
struct CharacterTree {
  std::vector<std::map<std::uint8_t, std::uint32_t>> nodes{1};

  explicit CharacterTree(const CharacterSet& characters);
};

/// What a rule over bytes, calls and tokens accepts of the tree's characters. Nothing if it
/// would be larger than `left`, of whose edges it takes its own.
std::optional<FiniteAutomaton> restrict_to(const CharacterTree& tree,
                                           const FiniteAutomaton& automaton, AutomatonLimits& left);

}  // namespace linnet::grammar
