#pragma once

#include <string>

#include "grammar/expression.hpp"
#include "serve/requests/json_request.hpp"
#include "serve/served_model.hpp"

namespace linnet::serve {

/// What a request says about the form of the answer's text.
struct TextConstraint {
  enum class Kind { kNone, kJsonSchema, kGbnf };

  Kind kind = Kind::kNone;
  Json schema;       ///< of kJsonSchema
  std::string gbnf;  ///< of kGbnf
  std::string path;  ///< the field that says so, for errors

  bool is_none() const { return kind == Kind::kNone; }
};

/// Reads `response_format` (types text, json_object and json_schema), `json_schema` or `grammar`
/// (GBNF), of which OpenAI's API has only the first. Two that ask for a form are an error.
TextConstraint read_text_constraint(Fields& fields);

/// Reads an object {"type": "json_schema", ...} as response_format has it, with the schema in
/// `json_schema.schema` or beside the type. `path` names it.
TextConstraint read_format_object(Fields& fields, const Json& format, const std::string& path);

/// The texts that fit. The constraint is not kNone.
Result<grammar::Grammar> make_text_grammar(const TextConstraint& constraint,
                                           const Tokenizer& tokenizer);

}  // namespace linnet::serve
