#pragma once

#include <cstdint>
#include <deque>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "grammar/schema/json_schema.hpp"

namespace linnet::grammar {

/// A (sub)schema of a document, or one made while compiling it.
using SchemaId = std::uint32_t;

/// A JSON schema with its subschemas numbered, so that sets of them can be compared. Numbers stay
/// valid as long as the document lives.
class SchemaDocument {
 public:
  explicit SchemaDocument(SchemaJson root);
  SchemaDocument(const SchemaDocument&) = delete;
  SchemaDocument& operator=(const SchemaDocument&) = delete;

  SchemaId root() const { return 0; }
  const SchemaJson& json(SchemaId id) const { return *schemas_[id].json; }
  /// Where the schema stands: a JSON pointer.
  const std::string& path(SchemaId id) const { return schemas_[id].path; }
  /// True if the schema stands for the values that its one keyword, type, enum or pattern, does
  /// not allow.
  bool negated(SchemaId id) const { return schemas_[id].negated; }

  /// The number of `json`, which must be the part of the schema `parent` that `steps` lead to.
  SchemaId number(const SchemaJson& json, SchemaId parent,
                  std::initializer_list<std::string_view> steps);

  /// Adds a schema that is no part of the document. Errors name the place of `origin`.
  SchemaId add(SchemaJson json, SchemaId origin, bool negated = false);

  /// The schema that a $ref stands for. An Error if it is outside the document or not there.
  Result<SchemaId> resolve(const std::string& reference, SchemaId origin);

  /// "the schema, at /properties/a: WHAT".
  Error error(SchemaId id, std::string_view what) const;

 private:
  struct Schema {
    const SchemaJson* json = nullptr;
    std::string path;
    bool negated = false;
  };
  struct Place {
    const SchemaJson* json = nullptr;
    std::string path;
  };
  SchemaId insert(const SchemaJson& json, std::string path, bool negated);
  void collect_names(const SchemaJson& json, const std::string& path, int depth);

  std::deque<SchemaJson> texts_;  // [0] is the document
  std::vector<Schema> schemas_;
  std::unordered_map<const SchemaJson*, SchemaId> numbers_;
  std::map<std::string, Place> anchors_, ids_;
};

}  // namespace linnet::grammar
