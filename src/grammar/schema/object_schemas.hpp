#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "grammar/schema/schema_constraints.hpp"
#include "grammar/schema/schema_document.hpp"

namespace linnet::grammar {

/// What several schemas together say about the properties of an object.
class ObjectSchemas {
 public:
  /// `constraints` must have been gathered from schemas of `document`.
  static Result<ObjectSchemas> create(SchemaDocument& document, SchemaPatterns& patterns,
                                      const Constraints& constraints);

  /// The properties that are named, in the order of the schemas; required ones that none describes
  /// come last.
  const std::vector<std::string>& names() const { return names_; }

  /// The schemas that the value of property `name` has to meet, sorted.
  Result<std::vector<SchemaId>> schemas_of(const std::string& name) const;

  /// Further properties whose names are in `names` (null: any name that is not in names()) and
  /// whose values have to meet `schemas`.
  struct Further {
    std::optional<FiniteAutomaton> names;
    std::vector<SchemaId> schemas;
  };
  Result<std::vector<Further>> further() const;
  /// False if an object that is generated has no properties but those of names().
  bool has_further() const { return open_ || !patterns_.empty(); }

 private:
  struct Source {  // one of the schemas
    SchemaId id = 0;
    const SchemaJson* properties = nullptr;
    const SchemaJson* pattern_properties = nullptr;
    const SchemaJson* additional = nullptr;
  };
  struct Pattern {
    std::size_t source = 0;
    std::string text;
    SchemaId schema = 0;
  };

  ObjectSchemas(SchemaDocument& document, SchemaPatterns& automata)
      : document_(&document), automata_(&automata) {}
  Status add_source(SchemaId id);
  void add_name(const std::string& name);
  Status find_forbidden(SchemaId origin);

  SchemaDocument* document_;
  SchemaPatterns* automata_;
  std::vector<Source> sources_;
  std::vector<Pattern> patterns_;
  std::vector<SchemaId> name_schemas_;  // of propertyNames
  Constraints name_constraints_;
  std::vector<std::string> names_;
  std::set<std::string> known_names_;   // the same
  std::vector<std::string> forbidden_;  // of names_: propertyNames does not allow them
  SchemaId never_ = 0;                  // a schema without values, if there are forbidden names
  bool open_ = false;
};

}  // namespace linnet::grammar
