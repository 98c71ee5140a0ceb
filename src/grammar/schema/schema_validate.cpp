#include "grammar/schema/schema_validate.hpp"

#include <algorithm>

#include "grammar/utf8.hpp"

namespace linnet::grammar {
namespace {

std::uint32_t bits_of(const SchemaJson& value) {
  if (value.is_null()) return kNull;
  if (value.is_boolean()) return kBoolean;
  if (value.is_string()) return kString;
  if (value.is_array()) return kArray;
  if (value.is_object()) return kObject;
  return to_decimal(value)->is_integer() ? kInteger : kFraction;
}

// Long division, digit by digit, of numbers scaled to integers.
bool is_multiple(const Decimal& value, const Decimal& unit) {
  const std::size_t scale = std::max(value.fraction.size(), unit.fraction.size());
  const std::string divisor_digits =
      unit.integer + unit.fraction + std::string(scale - unit.fraction.size(), '0');
  if (divisor_digits.size() > 18) return false;
  const std::uint64_t divisor = std::stoull(divisor_digits);
  unsigned __int128 remainder = 0;
  for (const char digit : value.integer + value.fraction) {
    remainder = (remainder * 10 + static_cast<unsigned>(digit - '0')) % divisor;
  }
  for (std::size_t i = value.fraction.size(); i < scale; ++i) remainder = remainder * 10 % divisor;
  return remainder == 0;
}

}  // namespace

Result<bool> SchemaValidator::valid(const SchemaJson& value, SchemaId id) {
  error_.reset();
  const bool result = check(value, id);
  if (error_) return *error_;
  return result;
}

Result<bool> SchemaValidator::valid_directly(const SchemaJson& value, SchemaId id) {
  error_.reset();
  const SchemaJson& json = document_.json(id);
  const bool result = json.is_boolean() ? json.get<bool>() : check_direct(value, id);
  if (error_) return *error_;
  return result;
}

bool SchemaValidator::fail(Error error) {
  if (!error_) error_ = std::move(error);
  return false;
}

bool SchemaValidator::take_steps(std::size_t count, SchemaId id) {
  constexpr std::size_t kMostSteps = 1'000'000;
  steps_ += count;
  if (steps_ <= kMostSteps) return true;
  return fail(document_.error(id, "checking the values of enum and const takes too long"));
}

bool SchemaValidator::take_lookups(std::size_t count, const SchemaJson& object, SchemaId id) {
  constexpr std::size_t kComparisonsAStep = 64;
  return take_steps(count * object.size() / kComparisonsAStep, id);
}

bool SchemaValidator::check(const SchemaJson& value, SchemaId id) {
  constexpr std::size_t kDeepest = 200;
  const SchemaJson& json = document_.json(id);
  if (json.is_boolean()) return json.get<bool>();
  // A schema that refers to itself without anything in between is valid for nothing.
  const std::pair here{id, &value};
  if (std::find(path_.begin(), path_.end(), here) != path_.end()) return false;
  if (path_.size() >= kDeepest) {
    return fail(document_.error(id, "its references are nested too deeply"));
  }
  if (!take_steps(1, id)) return false;
  path_.push_back(here);
  const bool result =
      !error_ && check_direct(value, id) && (document_.negated(id) || check_in_place(value, id));
  path_.pop_back();
  return result;
}

// Null if a keyword has a wrong value.
const SchemaValidator::Direct* SchemaValidator::direct(SchemaId id) {
  const auto [at, added] = direct_.try_emplace(id);
  if (!added) return &at->second;
  SchemaNotes notes;  // they are written when the schema is compiled
  auto gathered = gather(document_, {&id, 1}, notes);
  if (!gathered) {
    direct_.erase(at);
    fail(gathered.error());
    return nullptr;
  }
  Direct& direct = at->second;
  if (gathered->values) direct.values = ValueSet(*gathered->values);
  direct.excluded = ValueSet(gathered->excluded);
  direct.constraints = std::move(*gathered);
  return &direct;
}

bool SchemaValidator::check_direct(const SchemaJson& value, SchemaId id) {
  const Direct* const direct = this->direct(id);
  if (!direct) return false;
  const Constraints& constraints = direct->constraints;
  if ((constraints.types & bits_of(value)) == 0) return false;
  const bool is_compared = constraints.values || !constraints.excluded.empty() ||
                           constraints.unique_items || value.is_string();
  if (is_compared && !take_steps(weight(value), id)) return false;
  if (constraints.values && !direct->values.contains(value)) return false;
  if (direct->excluded.contains(value)) return false;
  if (value.is_string()) return check_string(value.get<std::string>(), constraints);
  if (value.is_number()) return check_number(*to_decimal(value), constraints);
  if (value.is_array()) return check_array(value, id, constraints);
  return !value.is_object() || check_object(value, id, constraints);
}

bool SchemaValidator::matches(Result<const FiniteAutomaton*> automaton, const std::string& text) {
  if (!automaton) return fail(automaton.error());
  const auto characters = to_characters(text);
  return characters && (!*automaton || accepts(**automaton, *characters));
}

bool SchemaValidator::check_string(const std::string& value, const Constraints& constraints) {
  const auto characters = to_characters(value);
  if (!characters || characters->size() < constraints.min_length) return false;
  if (constraints.max_length && characters->size() > *constraints.max_length) return false;
  const auto matches_pattern = [&](const std::string& pattern) {
    return matches(patterns_.pattern(pattern), value);
  };
  return std::all_of(constraints.patterns.begin(), constraints.patterns.end(), matches_pattern) &&
         std::none_of(constraints.excluded_patterns.begin(), constraints.excluded_patterns.end(),
                      matches_pattern) &&
         std::all_of(
             constraints.formats.begin(), constraints.formats.end(),
             [&](const std::string& format) { return matches(patterns_.format(format), value); });
}

bool SchemaValidator::check_number(const Decimal& value, const Constraints& constraints) {
  const NumberRange& range = constraints.numbers;
  if (range.minimum && (value < range.minimum->value ||
                        (range.minimum->exclusive && value == range.minimum->value))) {
    return false;
  }
  if (range.maximum && (value > range.maximum->value ||
                        (range.maximum->exclusive && value == range.maximum->value))) {
    return false;
  }
  return std::all_of(range.multiples_of.begin(), range.multiples_of.end(),
                     [&](const Decimal& unit) { return is_multiple(value, unit); });
}

bool SchemaValidator::check_array(const SchemaJson& value, SchemaId id,
                                  const Constraints& constraints) {
  if (value.size() < constraints.min_items) return false;
  if (constraints.max_items && value.size() > *constraints.max_items) return false;
  ValueSet seen;
  for (std::size_t i = 0; constraints.unique_items && i < value.size(); ++i) {
    if (!seen.insert(value[i])) return false;
  }
  const SchemaJson& json = document_.json(id);
  const auto prefix = json.find("prefixItems"), items = json.find("items");
  const std::size_t prefixed = prefix != json.end() && prefix->is_array() ? prefix->size() : 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (i < prefixed) {
      const SchemaId schema =
          document_.number((*prefix)[i], id, {"prefixItems", std::to_string(i)});
      if (!check(value[i], schema)) return false;
    } else if (items != json.end() && !check(value[i], document_.number(*items, id, {"items"}))) {
      return false;
    }
  }
  return true;
}

bool SchemaValidator::check_object(const SchemaJson& value, SchemaId id,
                                   const Constraints& constraints) {
  if (value.size() < constraints.min_properties) return false;
  if (constraints.max_properties && value.size() > *constraints.max_properties) return false;
  const SchemaJson& json = document_.json(id);
  const auto properties = json.find("properties"), patterns = json.find("patternProperties"),
             additional = json.find("additionalProperties"), names = json.find("propertyNames");
  const auto size_of = [&](const auto& part) { return part == json.end() ? 0 : part->size(); };
  const std::size_t names_looked_up =
      constraints.required.size() + size_of(properties) + size_of(patterns);
  if (!take_lookups(names_looked_up, value, id)) return false;
  for (const std::string& name : constraints.required) {
    if (!value.contains(name)) return false;
  }
  for (const auto& item : value.items()) {
    const std::string& name = item.key();
    bool known = false;
    const auto check_with = [&](const SchemaJson& schema, const std::string& keyword) {
      known = true;
      return check(item.value(), document_.number(schema, id, {keyword, name}));
    };
    if (properties != json.end() && properties->is_object() && properties->contains(name) &&
        !check_with(properties->at(name), "properties")) {
      return false;
    }
    if (patterns != json.end() && patterns->is_object()) {
      for (const auto& pattern : patterns->items()) {
        if (matches(patterns_.pattern(pattern.key()), name) &&
            !check_with(pattern.value(), "patternProperties")) {
          return false;
        }
      }
    }
    if (!known && additional != json.end() && !check_with(*additional, "additionalProperties")) {
      return false;
    }
    if (names != json.end() &&
        !check(SchemaJson(name), document_.number(*names, id, {"propertyNames"}))) {
      return false;
    }
  }
  return true;
}

int SchemaValidator::count_valid(const SchemaJson& value, SchemaId id, const std::string& keyword) {
  const SchemaJson& json = document_.json(id);
  int count = 0;
  for (std::size_t i = 0; i < json.at(keyword).size(); ++i) {
    count += check(value, document_.number(json.at(keyword)[i], id, {keyword, std::to_string(i)}));
  }
  return count;
}

bool SchemaValidator::check_in_place(const SchemaJson& value, SchemaId id) {
  const SchemaJson& json = document_.json(id);
  const auto part = [&](const std::string& keyword) {
    return document_.number(json.at(keyword), id, {keyword});
  };
  if (const auto reference = json.find("$ref"); reference != json.end()) {
    if (!reference->is_string()) return fail(document_.error(id, "$ref must be a string"));
    const auto target = document_.resolve(reference->get<std::string>(), id);
    if (!target) return fail(target.error());
    if (!check(value, *target)) return false;
  }
  const auto listed = [&](const char* keyword) {
    const auto at = json.find(keyword);
    return at != json.end() && at->is_array();
  };
  if (listed("allOf") &&
      count_valid(value, id, "allOf") != static_cast<int>(json.at("allOf").size())) {
    return false;
  }
  if (listed("anyOf") && count_valid(value, id, "anyOf") == 0) return false;
  if (listed("oneOf") && count_valid(value, id, "oneOf") != 1) return false;
  if (json.contains("not") && check(value, part("not"))) return false;
  if (json.contains("if")) {
    const char* branch = check(value, part("if")) ? "then" : "else";
    if (json.contains(branch) && !check(value, part(branch))) return false;
  }
  if (!value.is_object()) return true;
  if (const auto at = json.find("dependentRequired"); at != json.end() && at->is_object()) {
    if (!take_lookups(at->size(), value, id)) return false;
    for (const auto& item : at->items()) {
      if (!value.contains(item.key())) continue;
      if (!take_lookups(item.value().size(), value, id)) return false;
      for (const SchemaJson& name : item.value()) {
        if (name.is_string() && !value.contains(name.get<std::string>())) return false;
      }
    }
  }
  if (const auto at = json.find("dependentSchemas"); at != json.end() && at->is_object()) {
    if (!take_lookups(at->size(), value, id)) return false;
    for (const auto& item : at->items()) {
      if (value.contains(item.key()) &&
          !check(value, document_.number(item.value(), id, {"dependentSchemas", item.key()}))) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace linnet::grammar
