#include "grammar/schema/object_schemas.hpp"

#include <algorithm>

#include "grammar/schema/schema_strings.hpp"
#include "grammar/utf8.hpp"

namespace linnet::grammar {

Result<ObjectSchemas> ObjectSchemas::create(SchemaDocument& document, SchemaPatterns& patterns,
                                            const Constraints& constraints) {
  ObjectSchemas result(document, patterns);
  for (const SchemaId id : constraints.schemas) {
    if (document.negated(id)) continue;
    if (const Status status = result.add_source(id); !status) return status.error();
  }
  bool asked = false, listed = !constraints.required.empty();
  for (const Source& source : result.sources_) {
    asked |= source.additional != nullptr;
    listed |= source.properties != nullptr || source.pattern_properties != nullptr;
  }
  result.open_ = asked || !listed;
  for (const std::string& name : constraints.required) result.add_name(name);
  constexpr std::size_t kMostPlaces = 1'000'000;  // properties, each with schemas of each source
  if (result.names_.size() * result.sources_.size() > kMostPlaces) {
    return document.error(constraints.schemas[0],
                          "there are too many properties for so many schemas");
  }
  if (!result.name_schemas_.empty()) {
    if (const Status status = result.find_forbidden(constraints.schemas[0]); !status) {
      return status.error();
    }
  }
  return result;
}

Status ObjectSchemas::find_forbidden(SchemaId origin) {
  for (const SchemaId id : name_schemas_) {
    for (const char* keyword : {"$ref", "allOf", "anyOf", "oneOf", "not", "if"}) {
      if (document_->json(id).contains(keyword)) {
        return document_->error(id,
                                std::string("propertyNames with ") + keyword + " is not supported");
      }
    }
  }
  SchemaNotes notes;
  auto gathered = gather(*document_, name_schemas_, notes);
  if (!gathered) return gathered.error();
  name_constraints_ = std::move(*gathered);
  const auto allowed = string_contents(name_constraints_, *automata_, {});
  if (!allowed) return document_->error(name_schemas_[0], allowed.error().message);
  for (const std::string& name : names_) {
    const auto characters = to_characters(name);
    if (!characters || !accepts(*allowed, *characters)) forbidden_.push_back(name);
  }
  if (!forbidden_.empty()) never_ = document_->add(SchemaJson(false), origin);
  return {};
}

Status ObjectSchemas::add_source(SchemaId id) {
  const SchemaJson& json = document_->json(id);
  Source source;
  source.id = id;
  const auto find = [&](const char* keyword) -> const SchemaJson* {
    const auto at = json.find(keyword);
    return at == json.end() ? nullptr : &*at;
  };
  source.properties = find("properties");
  source.pattern_properties = find("patternProperties");
  source.additional = find("additionalProperties");
  for (const SchemaJson* map : {source.properties, source.pattern_properties}) {
    if (map && !map->is_object()) {
      return document_->error(id, "properties and patternProperties must be objects");
    }
  }
  if (source.properties) {
    for (const auto& item : source.properties->items()) add_name(item.key());
  }
  if (source.pattern_properties) {
    for (const auto& item : source.pattern_properties->items()) {
      const SchemaId schema =
          document_->number(item.value(), id, {"patternProperties", item.key()});
      patterns_.push_back({sources_.size(), item.key(), schema});
    }
  }
  if (const SchemaJson* names = find("propertyNames")) {
    name_schemas_.push_back(document_->number(*names, id, {"propertyNames"}));
  }
  constexpr std::size_t kMostPatterns = 6;
  if (patterns_.size() > kMostPatterns) {
    return document_->error(id, "more than 6 patternProperties apply to one object");
  }
  sources_.push_back(source);
  return {};
}

void ObjectSchemas::add_name(const std::string& name) {
  if (known_names_.insert(name).second) names_.push_back(name);
}

Result<std::vector<SchemaId>> ObjectSchemas::schemas_of(const std::string& name) const {
  if (std::find(forbidden_.begin(), forbidden_.end(), name) != forbidden_.end()) {
    return std::vector{never_};
  }
  std::vector<SchemaId> result;
  const auto characters = to_characters(name);
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    const Source& source = sources_[i];
    bool known = false;
    if (source.properties) {
      if (const auto at = source.properties->find(name); at != source.properties->end()) {
        known = true;
        result.push_back(document_->number(*at, source.id, {"properties", name}));
      }
    }
    for (const Pattern& pattern : patterns_) {
      if (pattern.source != i) continue;
      auto automaton = automata_->pattern(pattern.text);
      if (!automaton) return document_->error(source.id, automaton.error().message);
      if (!characters || !accepts(**automaton, *characters)) continue;
      known = true;
      result.push_back(pattern.schema);
    }
    if (!known && source.additional) {
      result.push_back(document_->number(*source.additional, source.id, {"additionalProperties"}));
    }
  }
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

Result<std::vector<ObjectSchemas::Further>> ObjectSchemas::further() const {
  std::vector<Further> result;
  if (!has_further()) return result;
  if (names_.empty() && patterns_.empty() && name_schemas_.empty()) {
    Further any;
    for (const Source& source : sources_) {
      if (!source.additional) continue;
      any.schemas.push_back(
          document_->number(*source.additional, source.id, {"additionalProperties"}));
    }
    result.push_back(std::move(any));
    return result;
  }
  auto others = string_contents(name_constraints_, *automata_, names_);
  if (!others) return others.error();
  // Names by the set of patterns that they match.
  for (std::uint32_t set = open_ ? 0 : 1; set < 1u << patterns_.size(); ++set) {
    Further further;
    further.names = *others;
    std::vector<bool> matched(sources_.size(), false);
    for (std::size_t i = 0; i < patterns_.size(); ++i) {
      auto automaton = automata_->pattern(patterns_[i].text);
      if (!automaton) {
        return document_->error(sources_[patterns_[i].source].id, automaton.error().message);
      }
      const bool in_set = (set >> i & 1) != 0;
      auto both = intersect(*further.names, in_set ? **automaton : complement(**automaton), {});
      if (!both) return too_large({});
      if (const Status status = automata_->budget().count(*both); !status) return status.error();
      further.names = merge_equal_states(*both);
      if (!in_set) continue;
      matched[patterns_[i].source] = true;
      further.schemas.push_back(patterns_[i].schema);
    }
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      if (matched[i] || !sources_[i].additional) continue;
      further.schemas.push_back(
          document_->number(*sources_[i].additional, sources_[i].id, {"additionalProperties"}));
    }
    const bool never =
        std::any_of(further.schemas.begin(), further.schemas.end(),
                    [&](SchemaId id) { return document_->json(id) == SchemaJson(false); });
    if (!never && !is_empty(*further.names)) result.push_back(std::move(further));
  }
  return result;
}

}  // namespace linnet::grammar
