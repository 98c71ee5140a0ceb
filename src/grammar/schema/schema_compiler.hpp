#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "grammar/schema/json_schema.hpp"
#include "grammar/schema/object_schemas.hpp"
#include "grammar/schema/schema_disjoint.hpp"
#include "grammar/schema/schema_expand.hpp"
#include "grammar/schema/schema_validate.hpp"

namespace linnet::grammar {

/// Writes the grammar of one schema. A rule stands for the values that are valid under a set of
/// subschemas at once, so that recursion in the schema becomes recursion of rules.
class SchemaCompiler {
 public:
  SchemaCompiler(const SchemaJson& schema, const SchemaOptions& options);
  Result<SchemaGrammar> run();

 private:
  // Rules that are written once and used everywhere.
  Expression shared(const std::string& name, Expression (SchemaCompiler::*body)());
  Expression space();
  Expression any_value();
  Expression any_object();
  Expression any_array();
  Expression any_string();
  Expression any_character();
  Expression string_of_length(std::uint64_t min, std::optional<std::uint64_t> max);
  Expression space_body();
  Expression value_body();
  Expression object_body();
  Expression array_body();
  Expression string_body();
  Expression escape_body();
  Expression number_body();
  Expression integer_body();
  Expression comma();

  /// A call of the rule for values that are valid under all of `schemas`.
  Expression value_of(std::vector<SchemaId> schemas);
  Result<Expression> compile(const std::vector<SchemaId>& schemas);
  Result<std::vector<Alternative>> without_exclusions(const Alternative& alternative);
  Result<Expression> compile(const Constraints& constraints, bool is_root);
  Result<Expression> listed_values(const Constraints& constraints, const Alternative& alternative);
  Result<std::vector<const SchemaJson*>> valid_values(const Constraints& constraints,
                                                      const Alternative& alternative);
  Expression json_literal(const SchemaJson& value);
  Expression string_literal(std::string_view text);
  Result<Expression> string_of(const Constraints& constraints, const FiniteAutomaton& contents);

  Result<Expression> strings(const Constraints& constraints);
  Result<Expression> numbers(const Constraints& constraints, std::uint32_t types);
  Result<Expression> arrays(const Constraints& constraints);
  Result<Expression> objects(const Constraints& constraints);
  Result<std::optional<Expression>> unique_items(const Constraints& constraints,
                                                 const std::vector<std::vector<SchemaId>>& places,
                                                 std::optional<std::uint64_t> max);
  Expression distinct_items(const std::vector<SchemaJson>& values,
                            const std::vector<std::uint32_t>& allowed, std::uint64_t min,
                            std::optional<std::uint64_t> max);
  Result<std::optional<std::vector<SchemaJson>>> few_values(const std::vector<SchemaId>& schemas);
  Result<Expression> property(const std::string& name, const ObjectSchemas& schemas);
  Result<std::vector<Expression>> further_properties(
      const Constraints& constraints, const std::vector<ObjectSchemas::Further>& further);

  /// Call before something of at least `count` states is written. An Error if everything together
  /// would be too large for an automaton: one schema may be referred to thousands of times.
  Status take_states(const Constraints& constraints, std::uint64_t count);
  Error error(const Constraints& constraints, std::string_view what) const;

  SchemaDocument document_;
  const std::string without_;                // the word that no string has as it stands
  std::optional<FiniteAutomaton> contents_;  // texts without it, if there is one
  SchemaPatterns patterns_;
  SchemaNotes notes_;
  SchemaExpander expander_{document_, notes_};
  SchemaValidator validator_{document_, patterns_};
  DisjointProver prover_{document_, patterns_, expander_, validator_};
  Grammar grammar_;
  std::uint64_t states_ = 0;  // that the automaton of grammar_ has at least
  std::map<std::string, std::uint32_t> shared_;
  std::map<std::pair<std::uint64_t, std::optional<std::uint64_t>>, Expression> strings_;
  std::map<std::vector<SchemaId>, std::uint32_t> rules_;
  std::vector<std::vector<SchemaId>> pending_;  // rules to be written, with their numbers in rules_
};

}  // namespace linnet::grammar
