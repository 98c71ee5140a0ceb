#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace linnet::jinja {

struct Token {
  enum class Kind {
    kText,  ///< between the tags
    kVariableBegin,
    kVariableEnd,
    kBlockBegin,
    kBlockEnd,
    kName,
    kString,   ///< `text` is what the literal stands for
    kInteger,  ///< `text` has no underscores
    kFloat,
    kOperator,
    kEnd,
  };
  Kind kind;
  std::string text;
  int line;
};

/// Cuts a template into tokens as Jinja2 does with `trim_blocks` and `lstrip_blocks`; the last one
/// is kEnd. `source` must be valid UTF-8. Failures name the line.
std::vector<Token> tokenize(std::string_view source);

}  // namespace linnet::jinja
