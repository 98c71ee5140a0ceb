#include "grammar/schema/schema_disjoint.hpp"

#include <algorithm>

#include "grammar/schema/object_schemas.hpp"
#include "grammar/schema/schema_strings.hpp"

namespace linnet::grammar {
namespace {

constexpr int kDeepest = 6;

// No number is in both ranges.
bool disjoint_numbers(const NumberRange& a, const NumberRange& b) {
  const auto below = [](const NumberRange& low, const NumberRange& high) {
    if (!low.maximum || !high.minimum) return false;
    const auto order = low.maximum->value <=> high.minimum->value;
    return order < 0 || (order == 0 && (low.maximum->exclusive || high.minimum->exclusive));
  };
  return below(a, b) || below(b, a);
}

bool disjoint_counts(std::uint64_t min_a, std::optional<std::uint64_t> max_a, std::uint64_t min_b,
                     std::optional<std::uint64_t> max_b) {
  return (max_a && *max_a < min_b) || (max_b && *max_b < min_a);
}

}  // namespace

std::uint32_t generated_types(const Constraints& constraints) {
  const bool guess = !constraints.typed && constraints.spoken_of != 0;
  return constraints.types & (guess ? constraints.spoken_of : kAllTypes);
}

bool DisjointProver::disjoint(const Constraints& generated, SchemaId other) {
  const auto others = alternatives({&other, 1});
  if (!others) return false;
  return std::all_of(others->begin(), others->end(), [&](const Constraints& constraints) {
    return disjoint_pair(generated, constraints);
  });
}

std::optional<std::vector<Constraints>> DisjointProver::alternatives(
    std::span<const SchemaId> schemas) {
  const auto expanded = expander_.expand(schemas);
  if (!expanded) return std::nullopt;
  std::vector<Constraints> result;
  SchemaNotes notes;  // they are written when the schema is compiled
  for (const Alternative& alternative : *expanded) {
    if (!expander_.read(alternative.schemas)) return std::nullopt;
    auto gathered = gather(document_, alternative.schemas, notes);
    if (!gathered) return std::nullopt;
    result.push_back(std::move(*gathered));
  }
  return result;
}

bool DisjointProver::disjoint_schemas(std::span<const SchemaId> a, std::span<const SchemaId> b) {
  if (depth_ >= kDeepest) return false;
  ++depth_;
  const auto left = alternatives(a), right = alternatives(b);
  bool result = left && right;
  for (std::size_t i = 0; result && i < left->size(); ++i) {
    for (std::size_t j = 0; result && j < right->size(); ++j) {
      result = disjoint_pair((*left)[i], (*right)[j]);
    }
  }
  --depth_;
  return result;
}

// None of the values of one is valid under the other. What the other refers to is left out: it is
// part of the alternatives already, and `not` among it is what is to be proved here.
bool DisjointProver::none_valid(const Constraints& with_values, const Constraints& other) {
  const auto valid = [&](const SchemaJson* value) {
    for (const SchemaId id : other.schemas) {
      const auto result = validator_.valid_directly(*value, id);
      if (result && !*result) return false;
    }
    return true;
  };
  return std::none_of(with_values.values->begin(), with_values.values->end(), valid);
}

// `a` is generated, `b` is what must not be valid.
bool DisjointProver::disjoint_pair(const Constraints& a, const Constraints& b) {
  if (a.values && none_valid(a, b)) return true;
  if (b.values && none_valid(b, a)) return true;
  const std::uint32_t common = generated_types(a) & b.types;
  if (a.values || b.values) return common == 0;
  if ((common & (kNull | kBoolean)) != 0) return false;
  if ((common & kNumber) != 0 && !disjoint_numbers(a.numbers, b.numbers)) return false;
  if ((common & kString) != 0 && !disjoint_strings(a, b)) return false;
  if ((common & kArray) != 0 &&
      !disjoint_counts(a.min_items, a.max_items, b.min_items, b.max_items)) {
    return false;
  }
  return (common & kObject) == 0 || disjoint_objects(a, b);
}

bool DisjointProver::disjoint_strings(const Constraints& a, const Constraints& b) {
  if (disjoint_counts(a.min_length, a.max_length, b.min_length, b.max_length)) return true;
  const auto left = string_contents(a, patterns_, {}), right = string_contents(b, patterns_, {});
  if (!left || !right) return false;
  const auto both = intersect(*left, *right, {});
  return both && patterns_.budget().count(*both) && is_empty(*both);
}

bool DisjointProver::disjoint_objects(const Constraints& a, const Constraints& b) {
  const auto left = ObjectSchemas::create(document_, patterns_, a);
  const auto right = ObjectSchemas::create(document_, patterns_, b);
  if (!left || !right) return false;
  const auto& names = left->names();
  for (const std::string& name : b.required) {
    const bool named = std::find(names.begin(), names.end(), name) != names.end();
    if (!named && !left->has_further()) return true;
  }
  std::vector<std::string> always = a.required;  // properties that a value of both has
  always.insert(always.end(), b.required.begin(), b.required.end());
  for (const std::string& name : always) {
    const auto in_a = left->schemas_of(name), in_b = right->schemas_of(name);
    if (!in_a || !in_b) return false;
    if (disjoint_schemas(*in_a, *in_b)) return true;
  }
  return false;
}

}  // namespace linnet::grammar
