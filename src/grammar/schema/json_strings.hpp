#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "grammar/automata/expression.hpp"
#include "grammar/automata/finite_automaton.hpp"

namespace linnet::grammar {

/// Any one character within a JSON string, written in any way that JSON knows (RFC 8259, section
/// 7), except that surrogates only come in pairs, and that those of `escaped` are. `escape` is a
/// call of a rule with the body json_escape().
Expression json_character(const Expression& escape, const CharacterSet& escaped);

/// What may follow a backslash in a JSON string.
Expression json_escape();

/// One character of `set` within a JSON string, in one way: as it is, or escaped if it must be.
Expression json_character(const CharacterSet& set);

/// `text` as a JSON string, with its quotes.
Expression json_string(std::string_view text);

/// A JSON string with the contents that `contents` accepts.
Expression json_string(const FiniteAutomaton& contents);

/// The pattern that a string of the format (draft 2020-12, "format") has to match as a whole;
/// nothing for formats that are not known.
std::optional<std::string> format_pattern(std::string_view format);

}  // namespace linnet::grammar
