#pragma once

#include <string_view>

#include "base/result.hpp"
#include "grammar/automata/expression.hpp"
#include "grammar/automata/finite_automaton.hpp"

namespace linnet::grammar {

/// A regular expression in the notation of ECMA-262 (https://tc39.es/ecma262/#sec-patterns), with
/// the u flag's escapes: `\p{L}` and other general categories, `\u{1F600}`. Lookahead works at the
/// start of the expression. Backreferences, word boundaries, lookbehind and lookahead elsewhere are
/// an Error that names them.
///
/// The whole text has to match.
Result<Grammar> compile_regex(std::string_view pattern);

/// The same as an automaton over characters.
Result<FiniteAutomaton> compile_whole_pattern(std::string_view pattern,
                                              const AutomatonLimits& limits = {});

/// The texts in which `pattern` occurs, as JSON schemas use it: `^` and `$` tie it to the ends.
Result<FiniteAutomaton> compile_pattern(std::string_view pattern,
                                        const AutomatonLimits& limits = {});

}  // namespace linnet::grammar
