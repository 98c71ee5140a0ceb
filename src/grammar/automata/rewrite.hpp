#pragma once

#include <vector>

#include "base/result.hpp"
#include "grammar/automata/expression.hpp"

namespace linnet::grammar {

/// Writes large repetition counts with rules for blocks of repetitions, so that x{0,1000000} takes
/// some dozens of states and not a million copies of x. An Error if a rule that is called does
/// not exist.
Result<Grammar> split_repetitions(const Grammar& grammar);

/// The rules that are better copied into their callers than called: small ones, and those called
/// from one place only, unless they call themselves.
std::vector<bool> rules_to_inline(const Grammar& grammar);

}  // namespace linnet::grammar
