#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/keyed_hash.hpp"
#include "base/result.hpp"
#include "grammar/automata/finite_automaton.hpp"
#include "grammar/schema/json_numbers.hpp"
#include "grammar/schema/schema_document.hpp"
#include "grammar/schema/schema_keywords.hpp"

namespace linnet::grammar {

/// Automata of the patterns and formats of a schema, each compiled once.
class SchemaPatterns {
 public:
  /// Strings in which `pattern` occurs. The automaton lives as long as this object.
  Result<const FiniteAutomaton*> pattern(const std::string& pattern);
  /// Strings of a format; null if the format is not known.
  Result<const FiniteAutomaton*> format(const std::string& format);

  /// For all automata of the schema.
  AutomatonBudget& budget() { return budget_; }

 private:
  std::map<std::string, FiniteAutomaton> patterns_, formats_;
  AutomatonBudget budget_;
};

/// A sentence for each thing that a schema asks for and that is not held; of thousands, the first.
class SchemaNotes {
 public:
  void add(std::string note);
  std::vector<std::string> take() { return std::move(notes_); }

 private:
  std::vector<std::string> notes_;
  std::set<std::string> known_;
};

/// What several schemas together say about values directly, without what they say by referring to
/// other schemas. Pointers are into the document.
struct Constraints {
  std::vector<SchemaId> schemas;

  std::uint32_t types = kAllTypes;
  std::uint32_t spoken_of = 0;  ///< types that keywords speak of, if no `type` is given
  bool typed = false;           ///< a `type`, `enum` or `const` is given
  std::optional<std::vector<const SchemaJson*>> values;  ///< of enum and const
  std::vector<const SchemaJson*> excluded;

  std::uint64_t min_length = 0;
  std::optional<std::uint64_t> max_length;
  std::vector<std::string> patterns, excluded_patterns, formats;

  NumberRange numbers;

  std::uint64_t min_items = 0;
  std::optional<std::uint64_t> max_items;
  bool unique_items = false;

  std::uint64_t min_properties = 0;
  std::optional<std::uint64_t> max_properties;
  std::vector<std::string> required;  ///< without repetitions
};

/// Gathers what `schemas` say. An Error if a keyword has a wrong value.
Result<Constraints> gather(const SchemaDocument& document, std::span<const SchemaId> schemas,
                           SchemaNotes& notes);

/// What comparing or copying a value costs: its parts, and for texts one for each 64 bytes.
std::size_t weight(const SchemaJson& value);

/// True if the values are equal by JSON Schema's rules: numbers by value, objects whatever the
/// order of their properties.
bool equal_values(const SchemaJson& a, const SchemaJson& b);

/// Values, each equal to no other, that are found in a time that does not grow with their number.
class ValueSet {
 public:
  ValueSet() = default;
  explicit ValueSet(std::span<const SchemaJson* const> values);

  /// False if an equal value is there already.
  bool insert(const SchemaJson& value);
  bool contains(const SchemaJson& value) const;

 private:
  std::unordered_set<std::string, KeyedHash> texts_;  // equal ones for equal values
};

}  // namespace linnet::grammar
