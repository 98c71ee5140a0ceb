#include "grammar/schema/schema_constraints.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "grammar/regex.hpp"
#include "grammar/schema/json_strings.hpp"

namespace linnet::grammar {
namespace {

constexpr std::uint64_t kLargestCount = 1'000'000'000;

// Takes the keywords of one schema after the other into the constraints.
class Gatherer {
 public:
  Gatherer(const SchemaDocument& document, SchemaNotes& notes)
      : document_(document), notes_(notes) {}

  Result<Constraints> run(std::span<const SchemaId> schemas) {
    out_.schemas.assign(schemas.begin(), schemas.end());
    for (const SchemaId id : schemas) {
      id_ = id;
      if (document_.negated(id)) {
        take_negated(document_.json(id));
        continue;
      }
      for (const auto& item : document_.json(id).items()) take(item.key(), item.value());
    }
    if (error_) return *error_;
    return std::move(out_);
  }

 private:
  void fail(std::string_view key, std::string_view expected) {
    if (!error_) error_ = document_.error(id_, fmt::format("{} must be {}", key, expected));
  }

  void take_negated(const SchemaJson& json) {
    if (const auto type = json.find("type"); type != json.end()) {
      out_.types &= ~types_of("type", *type);
    }
    if (const auto values = json.find("enum"); values != json.end()) {
      for (const SchemaJson& value : *values) out_.excluded.push_back(&value);
    }
    if (const auto pattern = json.find("pattern"); pattern != json.end()) {
      out_.types &= kString;
      out_.typed = true;
      out_.excluded_patterns.push_back(pattern->get<std::string>());
    }
  }

  void take(const std::string& key, const SchemaJson& value) {
    using Handler = void (Gatherer::*)(const std::string&, const SchemaJson&);
    static const std::map<std::string, Handler> kHandlers = {
        {"type", &Gatherer::take_type},
        {"enum", &Gatherer::take_enum},
        {"const", &Gatherer::take_const},
        {"pattern", &Gatherer::take_pattern},
        {"format", &Gatherer::take_format},
        {"minLength", &Gatherer::take_min_length},
        {"maxLength", &Gatherer::take_max_length},
        {"minItems", &Gatherer::take_min_items},
        {"maxItems", &Gatherer::take_max_items},
        {"minProperties", &Gatherer::take_min_properties},
        {"maxProperties", &Gatherer::take_max_properties},
        {"uniqueItems", &Gatherer::take_unique_items},
        {"required", &Gatherer::take_required},
        {"minimum", &Gatherer::take_minimum},
        {"exclusiveMinimum", &Gatherer::take_exclusive_minimum},
        {"maximum", &Gatherer::take_maximum},
        {"exclusiveMaximum", &Gatherer::take_exclusive_maximum},
        {"multipleOf", &Gatherer::take_multiple_of},
    };
    out_.spoken_of |= find_keyword(key).types;
    const auto handler = kHandlers.find(key);
    if (handler != kHandlers.end()) (this->*handler->second)(key, value);
  }

  std::uint32_t types_of(const std::string& key, const SchemaJson& value) {
    std::uint32_t types = 0;
    const auto add = [&](const SchemaJson& name) {
      const std::uint32_t bits = name.is_string() ? type_bits(name.get<std::string>()) : 0;
      if (bits == 0) fail(key, "null, boolean, integer, number, string, array or object");
      types |= bits;
    };
    if (value.is_array()) {
      for (const SchemaJson& name : value) add(name);
    } else {
      add(value);
    }
    return types;
  }
  void take_type(const std::string& key, const SchemaJson& value) {
    out_.types &= types_of(key, value);
    out_.typed = true;
  }

  void keep_values(const std::vector<const SchemaJson*>& values) {
    out_.typed = true;
    if (!out_.values) {
      out_.values = values;
      return;
    }
    const ValueSet known(values);
    std::erase_if(*out_.values, [&](const SchemaJson* kept) { return !known.contains(*kept); });
  }
  void take_enum(const std::string& key, const SchemaJson& value) {
    if (!value.is_array()) return fail(key, "an array");
    std::vector<const SchemaJson*> values;
    for (const SchemaJson& one : value) values.push_back(&one);
    keep_values(values);
  }
  void take_const(const std::string&, const SchemaJson& value) { keep_values({&value}); }

  void take_pattern(const std::string& key, const SchemaJson& value) {
    if (!value.is_string()) return fail(key, "a string");
    out_.patterns.push_back(value.get<std::string>());
  }
  void take_format(const std::string& key, const SchemaJson& value) {
    if (!value.is_string()) return fail(key, "a string");
    const auto format = value.get<std::string>();
    if (format_pattern(format)) {
      out_.formats.push_back(format);
      out_.spoken_of |= kString;
      return;
    }
    notes_.add(
        document_.error(id_, fmt::format("format {} is not known and not held", format)).message);
  }

  std::uint64_t count(const std::string& key, const SchemaJson& value) {
    // 3.0 is an integer too.
    const auto decimal = to_decimal(value);
    if (!decimal || decimal->negative || !decimal->is_integer()) {
      return fail(key, "an integer that is not negative"), 0;
    }
    if (decimal->integer.size() > 10) return kLargestCount;
    return std::min<std::uint64_t>(std::stoull(decimal->integer), kLargestCount);
  }
  void raise(std::uint64_t& least, std::uint64_t value) { least = std::max(least, value); }
  void lower(std::optional<std::uint64_t>& most, std::uint64_t value) {
    most = std::min(most.value_or(value), value);
  }
  void take_min_length(const std::string& key, const SchemaJson& value) {
    raise(out_.min_length, count(key, value));
  }
  void take_max_length(const std::string& key, const SchemaJson& value) {
    lower(out_.max_length, count(key, value));
  }
  void take_min_items(const std::string& key, const SchemaJson& value) {
    raise(out_.min_items, count(key, value));
  }
  void take_max_items(const std::string& key, const SchemaJson& value) {
    lower(out_.max_items, count(key, value));
  }
  void take_min_properties(const std::string& key, const SchemaJson& value) {
    raise(out_.min_properties, count(key, value));
  }
  void take_max_properties(const std::string& key, const SchemaJson& value) {
    lower(out_.max_properties, count(key, value));
  }
  void take_unique_items(const std::string& key, const SchemaJson& value) {
    if (!value.is_boolean()) return fail(key, "true or false");
    out_.unique_items |= value.get<bool>();
  }
  void take_required(const std::string& key, const SchemaJson& value) {
    if (!value.is_array()) return fail(key, "an array of strings");
    for (const SchemaJson& name : value) {
      if (!name.is_string()) return fail(key, "an array of strings");
      const auto text = name.get<std::string>();
      if (required_.insert(text).second) out_.required.push_back(text);
    }
  }

  std::optional<Decimal> bound(const std::string& key, const SchemaJson& value) {
    auto decimal = to_decimal(value);
    if (!decimal) fail(key, "a number");
    return decimal;
  }
  void take_lower(const std::string& key, const SchemaJson& value, bool exclusive) {
    const auto decimal = bound(key, value);
    if (!decimal) return;
    auto& minimum = out_.numbers.minimum;
    if (!minimum || *decimal > minimum->value) {
      minimum = NumberBound{*decimal, exclusive};
    } else if (*decimal == minimum->value) {
      minimum->exclusive |= exclusive;
    }
  }
  void take_upper(const std::string& key, const SchemaJson& value, bool exclusive) {
    const auto decimal = bound(key, value);
    if (!decimal) return;
    auto& maximum = out_.numbers.maximum;
    if (!maximum || *decimal < maximum->value) {
      maximum = NumberBound{*decimal, exclusive};
    } else if (*decimal == maximum->value) {
      maximum->exclusive |= exclusive;
    }
  }
  void take_minimum(const std::string& key, const SchemaJson& value) {
    take_lower(key, value, false);
  }
  void take_exclusive_minimum(const std::string& key, const SchemaJson& value) {
    take_lower(key, value, true);
  }
  void take_maximum(const std::string& key, const SchemaJson& value) {
    take_upper(key, value, false);
  }
  void take_exclusive_maximum(const std::string& key, const SchemaJson& value) {
    take_upper(key, value, true);
  }
  void take_multiple_of(const std::string& key, const SchemaJson& value) {
    const auto decimal = to_decimal(value);
    if (!decimal || decimal->negative || decimal->is_zero()) {
      return fail(key, "a number above zero");
    }
    auto& multiples = out_.numbers.multiples_of;
    if (std::find(multiples.begin(), multiples.end(), *decimal) == multiples.end()) {
      multiples.push_back(*decimal);
    }
  }

  const SchemaDocument& document_;
  SchemaNotes& notes_;
  SchemaId id_ = 0;
  Constraints out_;
  std::set<std::string> required_;
  std::optional<Error> error_;
};

// The same text for equal values.
std::string canonical(const SchemaJson& value) {
  if (const auto number = to_decimal(value)) {
    return (number->negative ? "-" : "") + number->integer + "." + number->fraction;
  }
  if (!value.is_structured()) return value.dump();
  std::vector<std::string> parts;
  for (const auto& item : value.items()) {
    std::string part = canonical(item.value());
    if (value.is_object()) part = SchemaJson(item.key()).dump() + ":" + part;
    parts.push_back(std::move(part));
  }
  if (value.is_object()) std::sort(parts.begin(), parts.end());
  return fmt::format("{}{}{}", value.is_object() ? "{" : "[", fmt::join(parts, ","),
                     value.is_object() ? "}" : "]");
}

}  // namespace

Result<const FiniteAutomaton*> SchemaPatterns::pattern(const std::string& pattern) {
  const auto known = patterns_.find(pattern);
  if (known != patterns_.end()) return &known->second;
  auto automaton = compile_pattern(pattern);
  if (!automaton) return automaton.error();
  if (const Status status = budget_.count(*automaton); !status) return status.error();
  return &patterns_.emplace(pattern, std::move(*automaton)).first->second;
}

Result<const FiniteAutomaton*> SchemaPatterns::format(const std::string& format) {
  const auto known = formats_.find(format);
  if (known != formats_.end()) return &known->second;
  const auto pattern = format_pattern(format);
  if (!pattern) return nullptr;
  auto automaton = compile_whole_pattern(*pattern);
  if (!automaton) return automaton.error();
  if (const Status status = budget_.count(*automaton); !status) return status.error();
  return &formats_.emplace(format, std::move(*automaton)).first->second;
}

void SchemaNotes::add(std::string note) {
  constexpr std::size_t kMost = 5'000;
  if (notes_.size() == kMost || !known_.insert(note).second) return;
  const bool is_last = notes_.size() + 1 == kMost;
  notes_.push_back(is_last ? "and more of the schema is not held" : std::move(note));
}

Result<Constraints> gather(const SchemaDocument& document, std::span<const SchemaId> schemas,
                           SchemaNotes& notes) {
  return Gatherer(document, notes).run(schemas);
}

std::size_t weight(const SchemaJson& value) {
  constexpr std::size_t kTextBytes = 64;
  if (value.is_string()) return value.get_ref<const std::string&>().size() / kTextBytes;
  if (!value.is_structured()) return 0;
  std::size_t total = value.size();
  for (const SchemaJson& part : value) total += weight(part);
  return total;
}

bool equal_values(const SchemaJson& a, const SchemaJson& b) { return canonical(a) == canonical(b); }

ValueSet::ValueSet(std::span<const SchemaJson* const> values) {
  for (const SchemaJson* value : values) insert(*value);
}

bool ValueSet::insert(const SchemaJson& value) { return texts_.insert(canonical(value)).second; }

bool ValueSet::contains(const SchemaJson& value) const {
  return !texts_.empty() && texts_.contains(canonical(value));
}

}  // namespace linnet::grammar
