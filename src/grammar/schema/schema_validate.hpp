#pragma once

#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "grammar/schema/schema_constraints.hpp"
#include "grammar/schema/schema_document.hpp"

namespace linnet::grammar {

/// Whether values that are written in the schema itself (enum, const) are valid under parts of it.
class SchemaValidator {
 public:
  SchemaValidator(SchemaDocument& document, SchemaPatterns& patterns)
      : document_(document), patterns_(patterns) {}

  /// By the rules of draft 2020-12, for the keywords that the compiler supports. An Error if
  /// references are nested too deeply, a pattern cannot be compiled or all values so far have taken
  /// too many steps.
  Result<bool> valid(const SchemaJson& value, SchemaId id);

  /// The same without $ref, allOf, anyOf, oneOf, not, if and the dependent keywords of `id` itself.
  Result<bool> valid_directly(const SchemaJson& value, SchemaId id);

 private:
  // What a schema says by itself; its values as sets.
  struct Direct {
    Constraints constraints;
    ValueSet values, excluded;
  };
  const Direct* direct(SchemaId id);
  bool check(const SchemaJson& value, SchemaId id);
  bool check_direct(const SchemaJson& value, SchemaId id);
  bool check_string(const std::string& value, const Constraints& constraints);
  bool check_number(const Decimal& value, const Constraints& constraints);
  bool check_array(const SchemaJson& value, SchemaId id, const Constraints& constraints);
  bool check_object(const SchemaJson& value, SchemaId id, const Constraints& constraints);
  bool check_in_place(const SchemaJson& value, SchemaId id);
  bool matches(Result<const FiniteAutomaton*> automaton, const std::string& text);
  bool fail(Error error);
  // False, with an Error if all values so far have taken too many steps.
  bool take_steps(std::size_t count, SchemaId id);
  // For `count` names that are looked up in `object`, or the other way round.
  bool take_lookups(std::size_t count, const SchemaJson& object, SchemaId id);
  int count_valid(const SchemaJson& value, SchemaId id, const std::string& keyword);

  SchemaDocument& document_;
  SchemaPatterns& patterns_;
  std::vector<std::pair<SchemaId, const SchemaJson*>> path_;  // what is being checked
  std::unordered_map<SchemaId, Direct> direct_;
  std::size_t steps_ = 0;
  std::optional<Error> error_;
};

}  // namespace linnet::grammar
