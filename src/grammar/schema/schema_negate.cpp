#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "grammar/schema/schema_expand.hpp"

namespace linnet::grammar {
namespace {

using Options = std::vector<SchemaJson>;

// An opposite is a copy of the schema, and that of what is in it is another one.
constexpr std::size_t kMostCopied = 200'000;

// The opposites of keywords that can be written as schemas. Several options: any of them.

Options not_required(const SchemaJson& value) {
  Options options;
  for (const SchemaJson& name : value) {
    if (!name.is_string()) continue;
    options.push_back({{"type", "object"}, {"properties", {{name.get<std::string>(), false}}}});
  }
  return options;
}

Options not_properties(const SchemaJson& value) {
  Options options;
  if (!value.is_object()) return options;
  for (const auto& property : value.items()) {
    options.push_back({{"type", "object"},
                       {"required", SchemaJson::array({property.key()})},
                       {"properties", {{property.key(), {{"not", property.value()}}}}}});
  }
  return options;
}

Options not_all_of(const SchemaJson& value) {
  Options options;
  for (const SchemaJson& part : value) options.push_back({{"not", part}});
  return options;
}

// Some item is not valid: of a list, any of them; of all others, the first.
SchemaJson item_not(std::size_t index, const SchemaJson& schema) {
  SchemaJson prefix = SchemaJson::array();
  for (std::size_t i = 0; i < index; ++i) prefix.push_back(true);
  prefix.push_back({{"not", schema}});
  return {{"type", "array"}, {"minItems", index + 1}, {"prefixItems", prefix}};
}

Options not_prefix_items(const SchemaJson& value) {
  Options options;
  if (!value.is_array()) return options;
  for (std::size_t i = 0; i < value.size(); ++i) options.push_back(item_not(i, value[i]));
  return options;
}

Options other_array(const SchemaJson& array) {
  Options options = {{{"minItems", array.size() + 1}}};
  if (!array.empty()) options.push_back({{"maxItems", array.size() - 1}});
  for (std::size_t i = 0; i < array.size(); ++i) {
    options.push_back(item_not(i, {{"const", array[i]}}));
  }
  return options;
}

Options other_object(const SchemaJson& object) {
  SchemaJson names = SchemaJson::array(), values = SchemaJson::object();
  for (const auto& property : object.items()) {
    names.push_back(property.key());
    values[property.key()] = {{"const", property.value()}};
  }
  SchemaJson larger = {{"minProperties", object.size() + 1}};
  if (!object.empty()) {  // which lets the number be held
    larger["required"] = names;
    larger["properties"] = values;
  }
  Options options = {larger};
  for (const Options& more : {not_required(names), not_properties(values)}) {
    options.insert(options.end(), more.begin(), more.end());
  }
  return options;
}

bool is_plain(const SchemaJson& value) { return !value.is_structured(); }

// Neither of `values`, of which some are arrays or objects: something plain, an array or an object
// that is none of them.
Options none_of(const SchemaJson& values) {
  SchemaJson plain = SchemaJson::array(), arrays = plain, objects = plain;
  for (const SchemaJson& value : values) {
    if (is_plain(value)) plain.push_back(value);
    if (value.is_array()) arrays.push_back({{"anyOf", other_array(value)}});
    if (value.is_object()) objects.push_back({{"anyOf", other_object(value)}});
  }
  const auto not_type = SchemaJson{{"not", {{"type", {"array", "object"}}}}};
  Options options = {{{"allOf", {not_type, {{"not", {{"enum", plain}}}}}}},
                     {{"type", "array"}},
                     {{"type", "object"}}};
  if (!arrays.empty()) options[1]["allOf"] = arrays;
  if (!objects.empty()) options[2]["allOf"] = objects;
  return options;
}

Options not_items(const SchemaJson& value, const SchemaJson& schema) {
  const auto prefix = schema.find("prefixItems");
  return {item_not(prefix != schema.end() && prefix->is_array() ? prefix->size() : 0, value)};
}

// None of the options is valid. For oneOf, there would also be values for which several are.
Options not_any_of(const SchemaJson& value) {
  SchemaJson none = SchemaJson::array();
  for (const SchemaJson& part : value) none.push_back({{"not", part}});
  return {{{"allOf", none}}};
}

Options not_not(const SchemaJson& value) { return {{{"allOf", SchemaJson::array({value})}}}; }

// Parts of schemas that are made for the opposite of a keyword: of a list of items a list for each.
std::size_t copies_for(const std::string& keyword, const SchemaJson& value) {
  std::size_t copies = weight(value);
  const auto add_lists = [&](const SchemaJson& list) {
    if (list.is_array()) copies += list.size() * list.size();
  };
  if (keyword == "prefixItems" || keyword == "const") add_lists(value);
  if (keyword == "enum" && value.is_array()) {
    for (const SchemaJson& one : value) add_lists(one);
  }
  return copies;
}

// A limit's opposite is the other limit, one further on where counts are limited.
template <class Shift>
Options other_limit(const char* type, const char* keyword, const SchemaJson& value, Shift shift) {
  if (!value.is_number()) return {};
  const auto shifted = shift(value);
  if (!shifted) return {};
  return {{{"type", type}, {keyword, *shifted}}};
}
std::optional<SchemaJson> same(const SchemaJson& value) { return value; }
std::optional<SchemaJson> one_less(const SchemaJson& value) {
  if (!value.is_number_unsigned() || value == 0) return std::nullopt;
  return value.get<std::uint64_t>() - 1;
}
std::optional<SchemaJson> one_more(const SchemaJson& value) {
  if (!value.is_number_unsigned() || value == UINT64_MAX) return std::nullopt;
  return value.get<std::uint64_t>() + 1;
}

const std::map<std::string, std::function<Options(const SchemaJson&)>>& opposites() {
  using Json = SchemaJson;
  static const std::map<std::string, std::function<Options(const Json&)>> kOpposites = {
      {"required", not_required},
      {"properties", not_properties},
      {"allOf", not_all_of},
      {"anyOf", not_any_of},
      {"oneOf", not_any_of},
      {"prefixItems", not_prefix_items},
      {"not", not_not},
      {"minimum", [](const Json& v) { return other_limit("number", "exclusiveMaximum", v, same); }},
      {"exclusiveMinimum", [](const Json& v) { return other_limit("number", "maximum", v, same); }},
      {"maximum", [](const Json& v) { return other_limit("number", "exclusiveMinimum", v, same); }},
      {"exclusiveMaximum", [](const Json& v) { return other_limit("number", "minimum", v, same); }},
      {"minLength", [](const Json& v) { return other_limit("string", "maxLength", v, one_less); }},
      {"maxLength", [](const Json& v) { return other_limit("string", "minLength", v, one_more); }},
      {"minItems", [](const Json& v) { return other_limit("array", "maxItems", v, one_less); }},
      {"maxItems", [](const Json& v) { return other_limit("array", "minItems", v, one_more); }},
      {"minProperties",
       [](const Json& v) { return other_limit("object", "maxProperties", v, one_less); }},
      {"maxProperties",
       [](const Json& v) { return other_limit("object", "minProperties", v, one_more); }},
  };
  return kOpposites;
}

}  // namespace

// `references`: how many $ref led here.
Result<std::vector<SchemaId>> SchemaExpander::negate(SchemaId id, std::size_t references) {
  if (references > kDeepest) return too_deep(id);
  const auto [known, added] = negations_.try_emplace(id);
  if (!added) return known->second;  // also while it is being worked out: that adds nothing
  const SchemaJson& json = document_.json(id);
  std::vector<SchemaId> result;
  if (json.is_boolean()) {
    result.push_back(document_.add(SchemaJson(!json.get<bool>()), id));
    return negations_[id] = result;
  }
  if (const Status status = check_keywords(id); !status) return status.error();
  std::string left_out;
  const auto add_all = [&](Options options) {
    for (SchemaJson& option : options) result.push_back(document_.add(std::move(option), id));
  };
  // All keywords hold together, so it is enough that one does not.
  for (const auto& item : json.items()) {
    const std::string& key = item.key();
    const SchemaJson& value = item.value();
    if (find_keyword(key).kind != KeywordKind::kAssertion) continue;
    copied_ += copies_for(key, value);
    if (copied_ > kMostCopied) {
      return document_.error(id, fmt::format("the opposites that not, oneOf and if need have more "
                                             "than {} parts",
                                             kMostCopied));
    }
    if (key == "const" || (key == "enum" && value.is_array())) {
      const SchemaJson values = key == "enum" ? value : SchemaJson::array({value});
      if (std::all_of(values.begin(), values.end(), is_plain)) {
        result.push_back(document_.add({{"enum", values}}, id, true));
      } else {
        add_all(none_of(values));
      }
    } else if (key == "type" || (key == "pattern" && value.is_string())) {
      result.push_back(document_.add({{key, value}}, id, true));
    } else if (key == "$ref" && value.is_string()) {
      auto target = document_.resolve(value.get<std::string>(), id);
      if (!target) return target.error();
      auto more = negate(*target, references + 1);
      if (!more) return more.error();
      result.insert(result.end(), more->begin(), more->end());
    } else if (key == "items") {
      add_all(not_items(value, json));
    } else if (const auto opposite = opposites().find(key); opposite != opposites().end()) {
      add_all(opposite->second(value));
    } else {
      left_out += left_out.empty() ? key : ", " + key;
    }
  }
  if (result.empty() && !left_out.empty()) {
    return document_.error(id, fmt::format("values that are not valid here are needed, for not, "
                                           "oneOf or if, and the opposite of {} is not supported",
                                           left_out));
  }
  return negations_[id] = result;
}

}  // namespace linnet::grammar
