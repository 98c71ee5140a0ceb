#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "grammar/automata/finite_automaton.hpp"

namespace linnet::grammar {

/// The rules that each rule may call before it has read anything.
std::vector<std::vector<std::uint32_t>> left_calls(std::span<const FiniteAutomaton> rules);

/// Rewrites rules that call themselves before they have read anything, directly or through others,
/// into loops with the same language. No rule may accept the empty text. An Error that names the
/// rules if they would become larger than the limits.
Status remove_left_recursion(std::vector<FiniteAutomaton>& rules,
                             std::span<const std::string> names, const AutomatonLimits& limits);

/// The rules ordered so that each comes before those that it calls before it has read anything.
/// There must be no left recursion.
std::vector<std::uint32_t> left_call_order(std::span<const FiniteAutomaton> rules);

}  // namespace linnet::grammar
