#pragma once

#include <cstdint>
#include <vector>

#include "grammar/automata/pushdown_automaton.hpp"

namespace linnet::grammar {

/// For each state of `automaton` a number that is the same for states which read the same texts of
/// up to `bytes` bytes, ends of rules and calls included: in a long repetition, for all states that
/// are far from its end. (Moore's minimisation, stopped after `bytes` rounds.)
std::vector<std::uint32_t> mask_classes(const PushdownAutomaton& automaton, std::uint32_t bytes);

}  // namespace linnet::grammar
