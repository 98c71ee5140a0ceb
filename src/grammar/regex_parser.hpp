#pragma once

#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "grammar/automata/expression.hpp"

namespace linnet::grammar {

/// A condition on what follows.
struct Lookahead {
  Expression body;
  bool negated = false;
};

/// A regular expression as it is written: `body` may hold an Anchor anywhere.
struct Regex {
  Expression body = empty();
  std::vector<Lookahead> lookaheads;  ///< all at the start of the text
};

/// See compile_regex() for the notation. `whole`: the expression begins at the start of the text,
/// with or without ^.
Result<Regex> parse_regex(std::string_view pattern, bool whole);

}  // namespace linnet::grammar
