#pragma once

#include <span>
#include <unordered_set>
#include <vector>

#include "base/result.hpp"
#include "grammar/schema/schema_constraints.hpp"
#include "grammar/schema/schema_document.hpp"

namespace linnet::grammar {

/// One way in which a value can be valid: what all of `schemas` say directly holds, and none of
/// `exclusions` is valid for it. Both are sorted.
struct Alternative {
  std::vector<SchemaId> schemas;
  std::vector<SchemaId> exclusions;
};

/// Writes schemas out as alternatives: follows $ref, allOf, anyOf, oneOf, not, if and the dependent
/// keywords. A schema that refers to itself without anything in between is valid for no value.
class SchemaExpander {
 public:
  SchemaExpander(SchemaDocument& document, SchemaNotes& notes)
      : document_(document), notes_(notes) {}

  /// The alternatives in which a value is valid under all of `schemas`. Errors: keywords that are
  /// not supported or have wrong values, too many alternatives.
  Result<std::vector<Alternative>> expand(std::span<const SchemaId> schemas);

  /// Call before the keywords of `schemas` are gathered. An Error if that takes too many steps.
  Status read(std::span<const SchemaId> schemas);

  /// Schemas that accept only values which `id` refuses. Together they accept all such values, as
  /// far as schemas can express that; an Error names the keywords for which none can.
  Result<std::vector<SchemaId>> negate(SchemaId id) { return negate(id, 0); }

 private:
  using Alternatives = std::vector<Alternative>;
  /// Schemas within schemas, by references too.
  static constexpr std::size_t kDeepest = 100;

  Result<Alternatives> expand_one(SchemaId id);
  Result<Alternatives> write_out(SchemaId id, const SchemaJson& json);
  Result<std::vector<SchemaId>> negate(SchemaId id, std::size_t references);
  Error too_deep(SchemaId id) const;
  Error too_many(SchemaId id) const;
  Status take_steps(std::size_t count, SchemaId id);
  Status check_keywords(SchemaId id);
  Status take_all_of(SchemaId id, Alternatives& result);
  Status take_any_of(SchemaId id, Alternatives& result);
  Status take_one_of(SchemaId id, Alternatives& result);
  Status take_if(SchemaId id, Alternatives& result);
  Status take_dependents(SchemaId id, Alternatives& result);
  Status combine(SchemaId id, Alternatives& result, const Alternatives& more);
  Result<std::vector<SchemaId>> subschemas(SchemaId id, const std::string& keyword);
  std::optional<SchemaId> subschema(SchemaId id, const std::string& keyword);

  SchemaDocument& document_;
  SchemaNotes& notes_;
  std::vector<SchemaId> path_;  // schemas that are being expanded
  std::map<SchemaId, std::vector<SchemaId>> negations_;
  std::map<SchemaId, std::vector<std::pair<SchemaId, SchemaId>>> dependents_;
  std::size_t steps_ = 0;
  std::size_t copied_ = 0;                // parts of schemas, for their opposites
  std::unordered_set<SchemaId> checked_;  // have only keywords that are held or noted
};

}  // namespace linnet::grammar
