#include "grammar/schema/schema_expand.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace linnet::grammar {
namespace {

constexpr std::size_t kMostAlternatives = 512;
constexpr std::size_t kMostSteps = 200'000;
constexpr std::size_t kSchemasAStep = 64;  // that are copied

std::vector<SchemaId> united(const std::vector<SchemaId>& a, const std::vector<SchemaId>& b) {
  std::vector<SchemaId> result;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(result));
  return result;
}

}  // namespace

Result<std::vector<Alternative>> SchemaExpander::expand(std::span<const SchemaId> schemas) {
  Alternatives result = {{}};
  for (const SchemaId id : schemas) {
    auto more = expand_one(id);
    if (!more) return more.error();
    if (const Status status = combine(id, result, *more); !status) return status.error();
  }
  return result;
}

Status SchemaExpander::read(std::span<const SchemaId> schemas) {
  constexpr std::size_t kKeywordsAStep = 64;
  std::size_t keywords = 0;
  for (const SchemaId id : schemas) keywords += document_.json(id).size();
  if (schemas.empty()) return {};
  return take_steps(keywords / kKeywordsAStep, schemas[0]);
}

Error SchemaExpander::too_many(SchemaId id) const {
  return document_.error(
      id, fmt::format("anyOf, oneOf and the like combine to more than {} alternatives",
                      kMostAlternatives));
}

Status SchemaExpander::take_steps(std::size_t count, SchemaId id) {
  steps_ += count;
  if (steps_ <= kMostSteps) return {};
  return document_.error(
      id, fmt::format("its references and alternatives take more than {} steps", kMostSteps));
}

Status SchemaExpander::combine(SchemaId id, Alternatives& result, const Alternatives& more) {
  Alternatives combined;
  for (const Alternative& a : result) {
    for (const Alternative& b : more) {
      combined.push_back({united(a.schemas, b.schemas), united(a.exclusions, b.exclusions)});
      const std::size_t size = combined.back().schemas.size() + combined.back().exclusions.size();
      if (Status status = take_steps(size / kSchemasAStep, id); !status) return status;
      if (combined.size() > kMostAlternatives) return too_many(id);
    }
  }
  result = std::move(combined);
  return {};
}

Result<std::vector<Alternative>> SchemaExpander::expand_one(SchemaId id) {
  const SchemaJson& json = document_.json(id);
  if (document_.negated(id)) return Alternatives{{{id}, {}}};
  if (const Status status = take_steps(1, id); !status) return status.error();
  if (json.is_boolean()) return json.get<bool>() ? Alternatives{{}} : Alternatives{};
  if (const Status status = check_keywords(id); !status) return status.error();
  if (std::find(path_.begin(), path_.end(), id) != path_.end()) return Alternatives{};
  if (path_.size() > kDeepest) return too_deep(id);
  path_.push_back(id);
  auto result = write_out(id, json);
  path_.pop_back();  // also after an Error, which callers may pass over
  return result;
}

Result<std::vector<Alternative>> SchemaExpander::write_out(SchemaId id, const SchemaJson& json) {
  Alternatives result = {{{id}, {}}};
  Status status;
  if (const auto reference = json.find("$ref"); reference != json.end()) {
    if (!reference->is_string()) return document_.error(id, "$ref must be a string");
    auto target = document_.resolve(reference->get<std::string>(), id);
    if (!target) return target.error();
    auto more = expand_one(*target);
    if (!more) return more.error();
    status = combine(id, result, *more);
  }
  if (status) status = take_all_of(id, result);
  if (status) status = take_any_of(id, result);
  if (status) status = take_one_of(id, result);
  if (status) status = take_if(id, result);
  if (status) status = take_dependents(id, result);
  if (!status) return status.error();
  if (const auto excluded = subschema(id, "not")) {
    for (Alternative& alternative : result) {
      alternative.exclusions = united(alternative.exclusions, {*excluded});
    }
  }
  return result;
}

Error SchemaExpander::too_deep(SchemaId id) const {
  return document_.error(id, fmt::format("its references and alternatives are nested too deeply: "
                                         "more than {} levels",
                                         kDeepest));
}

Status SchemaExpander::check_keywords(SchemaId id) {
  if (checked_.contains(id)) return {};
  const SchemaJson& json = document_.json(id);
  if (!json.is_object()) return document_.error(id, "a schema must be an object, true or false");
  for (const auto& item : json.items()) {
    const Keyword keyword = find_keyword(item.key());
    if (keyword.kind == KeywordKind::kUnsupported) {
      return document_.error(id, fmt::format("the keyword {} is not supported", item.key()));
    }
    if (keyword.kind == KeywordKind::kUnknown) {
      notes_.add(
          document_
              .error(id, fmt::format("{} is no keyword of JSON Schema and not held", item.key()))
              .message);
    }
  }
  checked_.insert(id);
  return {};
}

std::optional<SchemaId> SchemaExpander::subschema(SchemaId id, const std::string& keyword) {
  const SchemaJson& json = document_.json(id);
  const auto at = json.find(keyword);
  if (at == json.end()) return std::nullopt;
  return document_.number(*at, id, {keyword});
}

Result<std::vector<SchemaId>> SchemaExpander::subschemas(SchemaId id, const std::string& keyword) {
  const SchemaJson& list = document_.json(id).at(keyword);
  if (!list.is_array() || list.empty()) {
    return document_.error(id, keyword + " must be an array of schemas that is not empty");
  }
  std::vector<SchemaId> result;
  for (std::size_t i = 0; i < list.size(); ++i) {
    result.push_back(document_.number(list[i], id, {keyword, std::to_string(i)}));
  }
  return result;
}

Status SchemaExpander::take_all_of(SchemaId id, Alternatives& result) {
  if (!document_.json(id).contains("allOf")) return {};
  const auto parts = subschemas(id, "allOf");
  if (!parts) return parts.error();
  for (const SchemaId part : *parts) {
    auto more = expand_one(part);
    if (!more) return more.error();
    if (Status status = combine(id, result, *more); !status) return status;
  }
  return {};
}

Status SchemaExpander::take_any_of(SchemaId id, Alternatives& result) {
  if (!document_.json(id).contains("anyOf")) return {};
  const auto options = subschemas(id, "anyOf");
  if (!options) return options.error();
  Alternatives all;
  for (const SchemaId option : *options) {
    auto more = expand_one(option);
    if (!more) return more.error();
    all.insert(all.end(), more->begin(), more->end());
  }
  return combine(id, result, all);
}

Status SchemaExpander::take_one_of(SchemaId id, Alternatives& result) {
  if (!document_.json(id).contains("oneOf")) return {};
  const auto options = subschemas(id, "oneOf");
  if (!options) return options.error();
  Alternatives all;
  for (const SchemaId option : *options) {
    auto more = expand_one(option);
    if (!more) return more.error();
    if (more->empty()) continue;
    if (all.size() + more->size() > kMostAlternatives) return too_many(id);
    if (Status s = take_steps(options->size() / kSchemasAStep, id); !s) return s;
    std::vector<SchemaId> others;
    for (const SchemaId other : *options) {
      if (other != option) others.push_back(other);
    }
    std::sort(others.begin(), others.end());
    for (Alternative& alternative : *more) {
      alternative.exclusions = united(alternative.exclusions, others);
      all.push_back(std::move(alternative));
    }
  }
  return combine(id, result, all);
}

Status SchemaExpander::take_if(SchemaId id, Alternatives& result) {
  const auto condition = subschema(id, "if");
  if (!condition) return {};
  auto both = expand_one(*condition);
  if (!both) return both.error();
  Alternatives otherwise = {{{}, {*condition}}};
  if (const auto then = subschema(id, "then")) {
    auto more = expand_one(*then);
    if (!more) return more.error();
    if (Status status = combine(id, *both, *more); !status) return status;
  }
  if (const auto other = subschema(id, "else")) {
    auto more = expand_one(*other);
    if (!more) return more.error();
    if (Status status = combine(id, otherwise, *more); !status) return status;
  }
  both->insert(both->end(), otherwise.begin(), otherwise.end());
  return combine(id, result, *both);
}

// A property with dependents is either absent or the dependents hold.
Status SchemaExpander::take_dependents(SchemaId id, Alternatives& result) {
  const SchemaJson& json = document_.json(id);
  if (const auto [known, added] = dependents_.try_emplace(id); added) {
    const auto absent = [&](const std::string& name) {
      return document_.add({{"properties", {{name, false}}}}, id);
    };
    if (const auto at = json.find("dependentRequired"); at != json.end()) {
      if (!at->is_object()) return document_.error(id, "dependentRequired must be an object");
      for (const auto& item : at->items()) {
        const SchemaId needs = document_.add({{"required", item.value()}}, id);
        known->second.push_back({absent(item.key()), needs});
      }
    }
    if (const auto at = json.find("dependentSchemas"); at != json.end()) {
      if (!at->is_object()) return document_.error(id, "dependentSchemas must be an object");
      for (const auto& item : at->items()) {
        const SchemaId needs = document_.number(item.value(), id, {"dependentSchemas", item.key()});
        known->second.push_back({absent(item.key()), needs});
      }
    }
  }
  for (const auto& [absent, needs] : std::vector(dependents_[id])) {
    auto either = expand_one(absent);
    if (!either) return either.error();
    auto more = expand_one(needs);
    if (!more) return more.error();
    either->insert(either->end(), more->begin(), more->end());
    if (Status status = combine(id, result, *either); !status) return status;
  }
  return {};
}

}  // namespace linnet::grammar
