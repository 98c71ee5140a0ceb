#include "grammar/schema/schema_compiler.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "grammar/automata/combine.hpp"
#include "grammar/schema/json_numbers.hpp"
#include "grammar/schema/json_strings.hpp"
#include "grammar/schema/schema_strings.hpp"
#include "grammar/utf8.hpp"

namespace linnet::grammar {
namespace {

constexpr std::size_t kMostRules = 20'000;
constexpr std::size_t kMostAlternatives = 512;

}  // namespace

SchemaCompiler::SchemaCompiler(const SchemaJson& schema, const SchemaOptions& options)
    : document_(schema), without_(options.without) {
  if (without_.empty()) return;
  auto contents = compile_regular(text_without(without_));  // of a state a character
  if (contents) contents_ = std::move(*contents);
}

Result<SchemaGrammar> SchemaCompiler::run() {
  value_of({document_.root()});
  grammar_.root = 0;
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    const std::vector<SchemaId> schemas = pending_[i];  // compiling adds more
    auto body = compile(schemas);
    if (!body) return body.error();
    grammar_.rules[rules_.at(schemas)].body = std::move(*body);
    if (grammar_.rules.size() > kMostRules) {
      return document_.error(document_.root(),
                             fmt::format("it needs more than {} grammar rules", kMostRules));
    }
  }
  return SchemaGrammar{std::move(grammar_), notes_.take(), states_};
}

Status SchemaCompiler::take_states(const Constraints& constraints, std::uint64_t count) {
  const AutomatonLimits limits;
  states_ += count;
  if (states_ <= limits.states) return {};
  return error(constraints, too_large(limits).message);
}

Error SchemaCompiler::error(const Constraints& constraints, std::string_view what) const {
  return document_.error(constraints.schemas.empty() ? document_.root() : constraints.schemas[0],
                         what);
}

Expression SchemaCompiler::value_of(std::vector<SchemaId> schemas) {
  std::sort(schemas.begin(), schemas.end());
  schemas.erase(std::unique(schemas.begin(), schemas.end()), schemas.end());
  if (schemas.empty()) return any_value();
  const auto [at, added] =
      rules_.try_emplace(schemas, static_cast<std::uint32_t>(grammar_.rules.size()));
  if (added) {
    grammar_.rules.push_back({document_.path(schemas[0])});
    pending_.push_back(std::move(schemas));
  }
  return call(at->second);
}

Result<Expression> SchemaCompiler::compile(const std::vector<SchemaId>& schemas) {
  const bool is_root = schemas == std::vector{document_.root()};
  auto expanded = expander_.expand(schemas);
  if (!expanded) return expanded.error();
  std::vector<Expression> options;
  for (const Alternative& alternative : *expanded) {
    if (const Status s = expander_.read(alternative.schemas); !s) return s.error();
    const auto constraints = gather(document_, alternative.schemas, notes_);
    if (!constraints) return constraints.error();
    if (constraints->values) {
      auto listed = listed_values(*constraints, alternative);
      if (!listed) return listed.error();
      options.push_back(std::move(*listed));
      continue;
    }
    auto plain = without_exclusions(alternative);
    if (!plain) return plain.error();
    for (const Alternative& one : *plain) {
      const auto all = gather(document_, one.schemas, notes_);
      if (!all) return all.error();
      auto option = all->values ? listed_values(*all, one) : compile(*all, is_root);
      if (!option) return option.error();
      options.push_back(std::move(*option));
    }
  }
  return choice(std::move(options));
}

// Alternatives that together generate no value that an exclusion of `alternative` is valid for.
// Exclusions that cannot meet what is generated are dropped; for the others, their opposite is
// added, after which all have to be looked at again.
Result<std::vector<Alternative>> SchemaCompiler::without_exclusions(
    const Alternative& alternative) {
  std::vector<Alternative> pending = {alternative}, result;
  while (!pending.empty()) {
    Alternative one = std::move(pending.back());
    pending.pop_back();
    if (const Status s = expander_.read(one.schemas); !s) return s.error();
    const auto constraints = gather(document_, one.schemas, notes_);
    if (!constraints) return constraints.error();
    const auto open = std::find_if(one.exclusions.begin(), one.exclusions.end(), [&](SchemaId id) {
      return !prover_.disjoint(*constraints, id);
    });
    if (open == one.exclusions.end()) {
      result.push_back(std::move(one));
      continue;
    }
    auto opposites = expander_.negate(*open);
    if (!opposites) return opposites.error();
    one.exclusions.erase(open);
    for (const SchemaId opposite : *opposites) {
      auto more = expander_.expand({&opposite, 1});
      if (!more) return more.error();
      for (const Alternative& extra : *more) {
        Alternative combined = one;
        const auto add = [](std::vector<SchemaId>& to, const std::vector<SchemaId>& from) {
          to.insert(to.end(), from.begin(), from.end());
          std::sort(to.begin(), to.end());
          to.erase(std::unique(to.begin(), to.end()), to.end());
        };
        add(combined.schemas, extra.schemas);
        add(combined.exclusions, extra.exclusions);
        pending.push_back(std::move(combined));
      }
    }
    if (pending.size() + result.size() > kMostAlternatives) {
      return document_.error(alternative.exclusions[0],
                             "telling the alternatives of oneOf or not apart takes too many cases");
    }
  }
  return result;
}

Result<std::vector<const SchemaJson*>> SchemaCompiler::valid_values(
    const Constraints& constraints, const Alternative& alternative) {
  std::vector<const SchemaJson*> result;
  for (const SchemaJson* value : *constraints.values) {
    bool fits = true;
    for (const SchemaId id : alternative.schemas) {
      auto valid = validator_.valid(*value, id);
      if (!valid) return valid.error();
      fits &= *valid;
    }
    for (const SchemaId id : alternative.exclusions) {
      auto valid = validator_.valid(*value, id);
      if (!valid) return valid.error();
      fits &= !*valid;
    }
    if (fits) result.push_back(value);
  }
  return result;
}

Result<Expression> SchemaCompiler::listed_values(const Constraints& constraints,
                                                 const Alternative& alternative) {
  const auto values = valid_values(constraints, alternative);
  if (!values) return values.error();
  std::vector<Expression> options;
  for (const SchemaJson* value : *values) {
    const std::size_t bytes = value->dump().size();
    if (const Status status = take_states(constraints, bytes); !status) return status.error();
    options.push_back(json_literal(*value));
  }
  return choice(std::move(options));
}

Expression SchemaCompiler::json_literal(const SchemaJson& value) {
  if (value.is_string()) return string_literal(value.get_ref<const std::string&>());
  if (!value.is_structured()) return literal(value.dump());
  std::vector<Expression> parts = {literal(value.is_array() ? "[" : "{"), space()};
  bool first = true;
  for (const auto& item : value.items()) {
    if (!first) parts.push_back(comma());
    first = false;
    if (value.is_object()) {
      parts.push_back(string_literal(item.key()));
      parts.push_back(literal(":"));
      parts.push_back(space());
    }
    parts.push_back(json_literal(item.value()));
  }
  parts.push_back(space());
  parts.push_back(literal(value.is_array() ? "]" : "}"));
  return sequence(std::move(parts));
}

Expression SchemaCompiler::string_literal(std::string_view text) {
  if (!contents_) return json_string(text);
  const std::string plain = SchemaJson(text).dump();
  const auto escaped = fmt::format("\\u{:04x}", static_cast<unsigned char>(without_[0]));
  std::string written;
  std::size_t done = 0;
  for (std::size_t at; (at = plain.find(without_, done)) != std::string::npos; done = at + 1) {
    written.append(plain, done, at - done).append(escaped);
  }
  return literal(written.append(plain, done));
}

Result<Expression> SchemaCompiler::string_of(const Constraints& constraints,
                                             const FiniteAutomaton& contents) {
  if (!contents_) return json_string(contents);
  const AutomatonLimits limits;
  const auto both = intersect(contents, *contents_, limits);
  if (!both) return error(constraints, too_large(limits).message);
  // Each state of the contents may have become as many as the word has characters.
  if (Status s = take_states(constraints, both->states.size()); !s) return s.error();
  return json_string(merge_equal_states(*both));
}

Result<Expression> SchemaCompiler::compile(const Constraints& constraints, bool is_root) {
  const std::uint32_t types = generated_types(constraints);
  if (types == kAllTypes && !constraints.typed && constraints.spoken_of == 0 &&
      constraints.excluded.empty()) {
    return is_root ? any_object() : any_value();
  }
  std::vector<Expression> options;
  const auto excluded = [&](const SchemaJson& value) {
    return std::any_of(constraints.excluded.begin(), constraints.excluded.end(),
                       [&](const SchemaJson* other) { return equal_values(value, *other); });
  };
  for (const SchemaJson& value : {SchemaJson(nullptr), SchemaJson(true), SchemaJson(false)}) {
    const bool wanted = (types & (value.is_null() ? kNull : kBoolean)) != 0;
    if (wanted && !excluded(value)) options.push_back(literal(value.dump()));
  }
  std::vector<Result<Expression>> parts;
  if ((types & kNumber) != 0) parts.push_back(numbers(constraints, types));
  if ((types & kString) != 0) parts.push_back(strings(constraints));
  if ((types & kArray) != 0) parts.push_back(arrays(constraints));
  if ((types & kObject) != 0) parts.push_back(objects(constraints));
  for (Result<Expression>& part : parts) {
    if (!part) return part.error();
    options.push_back(std::move(*part));
  }
  return choice(std::move(options));
}

Result<Expression> SchemaCompiler::strings(const Constraints& constraints) {
  std::vector<std::string> excluded;
  for (const SchemaJson* value : constraints.excluded) {
    if (value->is_string()) excluded.push_back(value->get<std::string>());
  }
  const bool by_length_only = constraints.patterns.empty() && constraints.formats.empty() &&
                              constraints.excluded_patterns.empty() && excluded.empty();
  if (by_length_only) {
    const auto max = constraints.max_length;
    if (max && *max < constraints.min_length) return nothing();
    if (constraints.min_length == 0 && !max) return any_string();
    return string_of_length(constraints.min_length, max);
  }
  auto contents = string_contents(constraints, patterns_, excluded);
  if (!contents) return error(constraints, contents.error().message);
  if (Status s = take_states(constraints, contents->states.size()); !s) return s.error();
  return string_of(constraints, *contents);
}

Result<Expression> SchemaCompiler::numbers(const Constraints& constraints, std::uint32_t types) {
  NumberRange range = constraints.numbers;
  range.integers = (types & kInteger) != 0;
  range.fractions = (types & kFraction) != 0;
  for (const SchemaJson* value : constraints.excluded) {
    if (const auto decimal = to_decimal(*value)) range.excluded.push_back(*decimal);
  }
  if (range.unbounded() && range.integers) {
    return range.fractions ? shared("number", &SchemaCompiler::number_body)
                           : shared("integer", &SchemaCompiler::integer_body);
  }
  auto result = numbers_in(range, patterns_.budget());
  if (!result) return error(constraints, result.error().message);
  return result;
}

// A rule for each pair of limits, which properties often have in common.
Expression SchemaCompiler::string_of_length(std::uint64_t min, std::optional<std::uint64_t> max) {
  const auto [at, added] = strings_.try_emplace({min, max}, nothing());
  if (added) {
    grammar_.rules.push_back(
        {"string", sequence({literal("\""), repeat(any_character(), min, max), literal("\"")})});
    at->second = call(static_cast<std::uint32_t>(grammar_.rules.size() - 1));
  }
  return at->second;
}

Expression SchemaCompiler::any_character() {
  const Expression escape = shared("escape", &SchemaCompiler::escape_body);
  // Lengths and a word together would take a state for each character of both.
  const char32_t never = without_.empty() ? 0 : to_characters(without_)->front();
  return json_character(escape, CharacterSet(never));
}

Expression SchemaCompiler::shared(const std::string& name, Expression (SchemaCompiler::*body)()) {
  const auto [at, added] =
      shared_.try_emplace(name, static_cast<std::uint32_t>(grammar_.rules.size()));
  const std::uint32_t rule = at->second;
  if (added) {
    grammar_.rules.push_back({name});
    Expression written = (this->*body)();
    grammar_.rules[rule].body = std::move(written);
  }
  return call(rule);
}

Expression SchemaCompiler::space() { return shared("space", &SchemaCompiler::space_body); }
Expression SchemaCompiler::any_value() { return shared("value", &SchemaCompiler::value_body); }
Expression SchemaCompiler::any_object() { return shared("object", &SchemaCompiler::object_body); }
Expression SchemaCompiler::any_array() { return shared("array", &SchemaCompiler::array_body); }
Expression SchemaCompiler::any_string() { return shared("string", &SchemaCompiler::string_body); }

// Nothing, a space, or a line break with indentation: models that may write more often do not stop.
Expression SchemaCompiler::space_body() {
  constexpr std::uint64_t kDeepestIndentation = 24;
  CharacterSet blank(U' ');
  blank.add(U'\t', U'\t');
  return optional(choice({literal(" "), sequence({literal("\n"), repeat(characters(blank), 0,
                                                                        kDeepestIndentation)})}));
}

Expression SchemaCompiler::comma() { return sequence({literal(","), space()}); }

Expression SchemaCompiler::value_body() {
  return choice({any_object(), any_array(), any_string(),
                 shared("number", &SchemaCompiler::number_body), literal("true"), literal("false"),
                 literal("null")});
}

Expression SchemaCompiler::object_body() {
  const Expression member = sequence({any_string(), literal(":"), space(), any_value()});
  return sequence(
      {literal("{"), space(),
       optional(sequence({member, repeat(sequence({comma(), member}), 0, std::nullopt), space()})),
       literal("}")});
}

Expression SchemaCompiler::array_body() {
  return sequence(
      {literal("["), space(),
       optional(sequence(
           {any_value(), repeat(sequence({comma(), any_value()}), 0, std::nullopt), space()})),
       literal("]")});
}

Expression SchemaCompiler::string_body() {
  if (contents_) return json_string(*contents_);
  return sequence({literal("\""), repeat(any_character(), 0, std::nullopt), literal("\"")});
}

Expression SchemaCompiler::escape_body() { return json_escape(); }
Expression SchemaCompiler::number_body() { return any_number(); }
Expression SchemaCompiler::integer_body() { return any_integer(); }

}  // namespace linnet::grammar
