#include "serve/constraints/text_constraint.hpp"

#include <fmt/format.h>

#include <array>

#include "generate/grammar_vocabulary.hpp"
#include "grammar/schema/json_schema.hpp"

namespace linnet::serve {
namespace {

constexpr std::size_t kMostSchemaBytes = 128 << 10;
constexpr std::size_t kMostGrammarBytes = 256 << 10;

TextConstraint schema_constraint(Fields& fields, std::string_view name, const Json& schema) {
  const bool is_schema = schema.is_object() || schema.is_boolean();
  if (!is_schema) fields.fail_type(name, "an object", schema);
  if (const std::size_t size = json_text(schema).size(); size > kMostSchemaBytes) {
    fields.fail(name, fmt::format("at most {} bytes, found {}", kMostSchemaBytes, size));
  }
  return {TextConstraint::Kind::kJsonSchema, schema, "", fields.path_of(name)};
}

TextConstraint gbnf_constraint(Fields& fields, std::string_view name) {
  TextConstraint constraint{TextConstraint::Kind::kGbnf, nullptr, "", fields.path_of(name)};
  constraint.gbnf = fields.text(name).value_or("");
  if (constraint.gbnf.size() > kMostGrammarBytes) {
    fields.fail(
        name, fmt::format("at most {} bytes, found {}", kMostGrammarBytes, constraint.gbnf.size()));
  }
  return constraint.gbnf.empty() ? TextConstraint{} : constraint;
}

TextConstraint read_format_object(Fields& fields, const Json& object, const std::string& path) {
  Fields format(object, path);
  static constexpr std::array<std::string_view, 3> kTypes = {"text", "json_object", "json_schema"};
  const std::string type = format.required_one_of("type", kTypes);
  TextConstraint constraint;
  if (type != "text") {
    const Json* const inner = format.object("json_schema");
    const Json& holder = inner ? *inner : object;
    Fields schema_fields(holder, inner ? format.path_of("json_schema") : path);
    if (const Json* const schema = schema_fields.find("schema")) {
      constraint = schema_constraint(schema_fields, "schema", *schema);
    } else if (type == "json_schema") {
      schema_fields.require("schema", "an object");
    } else {
      constraint = schema_constraint(format, "type", {{"type", "object"}});
    }
    format.take_error(schema_fields);
  }
  fields.take_error(format);
  return constraint;
}

}  // namespace

TextConstraint read_text_constraint(Fields& fields, const Json* format, const std::string& path) {
  TextConstraint constraint;
  if (format) constraint = read_format_object(fields, *format, path);
  const auto take = [&](std::string_view name, TextConstraint other) {
    if (other.is_none()) return;
    if (!constraint.is_none()) {
      fields.fail(name, fmt::format("{} asks for another form of the answer", constraint.path));
    }
    constraint = std::move(other);
  };
  if (const Json* const schema = fields.find("json_schema")) {
    take("json_schema", schema_constraint(fields, "json_schema", *schema));
  }
  take("grammar", gbnf_constraint(fields, "grammar"));
  return constraint;
}

Result<grammar::Grammar> make_text_grammar(const TextConstraint& constraint,
                                           const Tokenizer& tokenizer) {
  if (constraint.kind == TextConstraint::Kind::kJsonSchema) {
    auto compiled = grammar::compile_json_schema(constraint.schema);
    if (!compiled) return compiled.error();
    return std::move(compiled->grammar);
  }
  return grammar::parse_gbnf(constraint.gbnf, gbnf_options(tokenizer));
}

}  // namespace linnet::serve
