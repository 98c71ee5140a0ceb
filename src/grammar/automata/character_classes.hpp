#pragma once

#include <optional>
#include <string_view>

#include "grammar/automata/character_set.hpp"

namespace linnet::grammar {

// The classes of ECMA-262 (https://tc39.es/ecma262/#sec-characterclassescape).
CharacterSet digits();            ///< \d
CharacterSet word_characters();   ///< \w
CharacterSet white_space();       ///< \s
CharacterSet line_terminators();  ///< what . does not match

/// A general category of Unicode by its short or long name (L, Lu, Uppercase_Letter), or Any or
/// ASCII; nothing for other names.
std::optional<CharacterSet> unicode_category(std::string_view name);

}  // namespace linnet::grammar
