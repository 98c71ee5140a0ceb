#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "grammar/automata/expression.hpp"

namespace linnet::grammar {

/// Adds the rules of `from` to `to`; an expression that stands for the whole of `from` there.
Expression append_grammar(const Grammar& from, Grammar& to);

/// Any text in which none of `words` occurs; it may be empty. They are valid UTF-8 and not empty.
Expression text_without(std::span<const std::string> words);
Expression text_without(std::string_view word);

}  // namespace linnet::grammar
