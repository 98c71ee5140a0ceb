#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "grammar/schema/schema_constraints.hpp"

namespace linnet::grammar {

/// The contents of the strings that meet `constraints` and are not in `excluded`: patterns,
/// formats, lengths and values. An Error if the automaton would be too large.
Result<FiniteAutomaton> string_contents(const Constraints& constraints, SchemaPatterns& patterns,
                                        const std::vector<std::string>& excluded);

}  // namespace linnet::grammar
