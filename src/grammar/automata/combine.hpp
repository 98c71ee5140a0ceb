#pragma once

#include <cstdint>
#include <string_view>

#include "grammar/automata/expression.hpp"

namespace linnet::grammar {

/// Adds the rules of `from` to `to`; an expression that stands for the whole of `from` there.
Expression append_grammar(const Grammar& from, Grammar& to);

/// Any text in which `word` does not occur; it may be empty. `word` is valid UTF-8 and not empty.
Expression text_without(std::string_view word);

}  // namespace linnet::grammar
