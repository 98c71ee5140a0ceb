#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "base/token_id.hpp"
#include "grammar/automata/expression.hpp"

namespace linnet::grammar {

struct GbnfOptions {
  /// The id of the token that is written <NAME> in the grammar; if absent, such tokens are an
  /// error. <[123]> needs no names.
  std::function<std::optional<TokenId>(std::string_view piece)> token_id;
};

/// Parses a grammar in GBNF, the notation of llama.cpp
/// (https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md): rules `name ::= ...`
/// with literals, character classes, `.`, groups, `|`, `* + ? {m} {m,} {m,n}`, comments, and tokens
/// `<[id]>`, `<piece>`, `!<[id]>`. The rule `root` is the whole text. An Error names line and
/// column and what is wrong.
Result<Grammar> parse_gbnf(std::string_view text, const GbnfOptions& options = {});

}  // namespace linnet::grammar
