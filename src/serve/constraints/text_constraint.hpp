#pragma once

#include <string>

#include "grammar/automata/expression.hpp"
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

/// Reads what all generating endpoints take: `json_schema`, `grammar` (GBNF), and the object that
/// the API itself has for that, `format` (null: there is none), which `path` names: its type is
/// text, json_object, or json_schema with the schema in `json_schema.schema` or beside the type.
/// Two that ask for a form are an error.
TextConstraint read_text_constraint(Fields& fields, const Json* format, const std::string& path);

/// The texts that fit. The constraint is not kNone.
Result<grammar::Grammar> make_text_grammar(const TextConstraint& constraint,
                                           const Tokenizer& tokenizer);

}  // namespace linnet::serve
