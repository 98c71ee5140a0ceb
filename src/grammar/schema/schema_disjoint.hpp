#pragma once

#include <span>
#include <vector>

#include "grammar/schema/schema_expand.hpp"
#include "grammar/schema/schema_validate.hpp"

namespace linnet::grammar {

/// Proves that values generated for some schemas are never valid under others. "No" may also mean
/// that there was no proof within bounds.
class DisjointProver {
 public:
  DisjointProver(SchemaDocument& document, SchemaPatterns& patterns, SchemaExpander& expander,
                 SchemaValidator& validator)
      : document_(document), patterns_(patterns), expander_(expander), validator_(validator) {}

  /// True if no value that is generated for `generated` is valid under `other`.
  bool disjoint(const Constraints& generated, SchemaId other);

 private:
  bool disjoint_schemas(std::span<const SchemaId> a, std::span<const SchemaId> b);
  bool disjoint_pair(const Constraints& a, const Constraints& b);
  bool disjoint_strings(const Constraints& a, const Constraints& b);
  bool disjoint_objects(const Constraints& a, const Constraints& b);
  bool none_valid(const Constraints& with_values, const Constraints& other);
  std::optional<std::vector<Constraints>> alternatives(std::span<const SchemaId> schemas);

  SchemaDocument& document_;
  SchemaPatterns& patterns_;
  SchemaExpander& expander_;
  SchemaValidator& validator_;
  int depth_ = 0;
};

/// The types that are generated for `constraints`: if no type is given, those that the other
/// keywords speak of.
std::uint32_t generated_types(const Constraints& constraints);

}  // namespace linnet::grammar
