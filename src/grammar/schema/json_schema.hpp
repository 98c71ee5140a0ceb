#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "grammar/automata/expression.hpp"

namespace linnet::grammar {

/// Keeps the order of properties, which is the order in which they are generated.
using SchemaJson = nlohmann::ordered_json;

/// Parses JSON with bounds on its size, depth and the properties of one object. An Error says what
/// is wrong.
Result<SchemaJson> parse_schema_json(std::string_view text);

struct SchemaGrammar {
  Grammar grammar;
  /// One sentence each for what is asked for and not held: keywords that are not of JSON Schema,
  /// formats that are not known, uniqueItems where items are not from a short list.
  std::vector<std::string> notes;
  /// A lower estimate of the states of its automaton.
  std::size_t states = 0;
};

struct SchemaOptions {
  /// No string has this word in it as it stands: values that are listed and names have its first
  /// character escaped, other strings do without it. Valid UTF-8 that JSON need not escape; empty:
  /// there is none.
  std::string_view without{};
};

/// The JSON texts that are valid under a schema of draft 2020-12
/// (https://json-schema.org/draft/2020-12), as a grammar. It is narrower than the schema where that
/// is what one wants of generated text: properties come in the order of the schema; objects that
/// list properties have no others unless additionalProperties says so; without `type`, the other
/// keywords say what type is meant, and an empty schema at the root means an object; whitespace is
/// at most one space, or one line break with indentation, between tokens.
///
/// An Error names the keyword and where it stands: keywords that are not supported (contains,
/// unevaluatedProperties, ...), wrong values, references outside the document, what cannot be told
/// apart in `oneOf` or `not`, and schemas that grow beyond what is sensible.
Result<SchemaGrammar> compile_json_schema(const SchemaJson& schema,
                                          const SchemaOptions& options = {});

}  // namespace linnet::grammar
