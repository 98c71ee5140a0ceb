#include "chat/output/call_syntax.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "chat/jinja/template.hpp"
#include "chat/output/section_end.hpp"

namespace linnet {
namespace {

// Some families put the call into a member of its own.
const OrderedJson& inner_call(const OrderedJson& json) {
  const auto function = json.find("function");
  return function != json.end() && function->is_object() ? *function : json;
}

const OrderedJson* first_of(const OrderedJson& json, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const auto found = json.find(key);
    if (found != json.end()) return &*found;
  }
  return nullptr;
}

// The types that a schema allows, by its keywords and those of its alternatives; empty where it
// does not tell.
std::set<std::string_view> types_of(const OrderedJson* schema) {
  std::set<std::string_view> types;
  const auto add = [&](const OrderedJson& type) {
    if (type.is_string()) types.insert(type.get_ref<const std::string&>());
  };
  if (const OrderedJson* const type = member(schema, "type")) {
    add(*type);
    if (!type->is_array()) return types;
    for (const OrderedJson& one : *type) add(one);  // the views are of the schema itself
    return types;
  }
  for (const char* const keyword : {"anyOf", "oneOf"}) {
    const OrderedJson* const options = member(schema, keyword);
    if (!options || !options->is_array()) continue;
    for (const OrderedJson& option : *options) {
      std::set<std::string_view> more = types_of(&option);
      if (more.empty()) return {};
      types.merge(more);
    }
  }
  return types;
}

bool is_of(const std::set<std::string_view>& types, const OrderedJson& value) {
  // nlohmann knows no integers, which are numbers.
  return types.contains(value.type_name()) ||
         (value.is_number_integer() && types.contains("integer"));
}

bool is_deeper(const OrderedJson& json, int depth) {
  if (!json.is_structured()) return false;
  return depth == 0 || std::ranges::any_of(json, [&](const OrderedJson& inner) {
           return is_deeper(inner, depth - 1);
         });
}

}  // namespace

const OrderedJson* member(const OrderedJson* json, std::string_view key) {
  if (!json || !json->is_object()) return nullptr;
  const auto found = json->find(key);
  return found == json->end() ? nullptr : &*found;
}

bool is_name_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.' ||
         (c & 0x80);
}

ToolTable::ToolTable(const OrderedJson& tools) {
  if (!tools.is_array()) return;
  for (const OrderedJson& tool : tools) {
    if (!tool.is_object()) continue;
    const OrderedJson& function = inner_call(tool);
    const auto name = function.find("name");
    if (name == function.end() || !name->is_string()) continue;
    const auto parameters = function.find("parameters");
    tools_[name->get<std::string>()] =
        parameters == function.end() ? OrderedJson::object() : *parameters;
  }
}

bool ToolTable::contains(std::string_view name) const { return tools_.contains(name); }

std::vector<std::string> ToolTable::names() const {
  std::vector<std::string> names;
  for (const auto& [name, parameters] : tools_.items()) names.push_back(name);
  return names;
}

Status ToolTable::check(const std::vector<ParsedCall>& calls) const {
  for (const ParsedCall& call : calls) {
    if (!contains(call.name)) return Error{"there is no tool with the name " + call.name};
    if (is_deeper(call.arguments, kMaxArgumentDepth)) {
      return Error{fmt::format("its arguments are nested more than {} deep", kMaxArgumentDepth)};
    }
  }
  return {};
}

OrderedJson ToolTable::typed_value(std::string_view tool, std::string_view parameter,
                                   std::string_view text) const {
  return typed_text(schema(tool, parameter), text);
}

const OrderedJson* ToolTable::schema(std::string_view tool, std::string_view parameter) const {
  return member(member(member(&tools_, tool), "properties"), parameter);
}

OrderedJson typed_text(const OrderedJson* schema, std::string_view text) {
  const std::set<std::string_view> types = types_of(schema);
  const bool may_be_text = types.contains("string");
  if (may_be_text && types.size() == 1) return text;
  auto value = jinja::parse_json(text);
  if (!value || (may_be_text && !is_of(types, *value))) return text;
  return std::move(*value);
}

std::size_t partial_marker(std::string_view text, std::string_view marker) {
  std::size_t length = std::min(text.size(), marker.size() - 1);
  while (length > 0 && !marker.starts_with(text.substr(text.size() - length))) --length;
  return length;
}

Result<std::vector<std::string_view>> parts_between(std::string_view text, std::string_view begin,
                                                    std::string_view end,
                                                    const CallValues& values) {
  std::vector<std::string_view> parts;
  for (std::size_t at = text.find(begin); at != std::string_view::npos; at = text.find(begin, at)) {
    at += begin.size();
    const std::size_t length = SectionEnd(end, values).find(text.substr(at));
    if (length == std::string_view::npos) return Error{"it is not complete"};
    parts.push_back(text.substr(at, length));
    at += length + end.size();
  }
  if (parts.empty()) return Error{"it is empty"};
  return parts;
}

std::size_t end_of_json(std::string_view text, std::size_t begin) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t at = begin; at < text.size(); ++at) {
    const char c = text[at];
    if (in_string) {
      if (c == '\\') ++at;
      in_string = c != '"';
      continue;
    }
    in_string = c == '"';
    depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
    if (depth == 0 && !in_string) return at + 1;
  }
  return std::string_view::npos;
}

Result<OrderedJson> parse_call_json(std::string_view text) {
  constexpr int kAround = 4;  // {"tool_calls": [{"function": {"arguments": ...}}]}
  return jinja::parse_json(text, kMaxArgumentDepth + kAround);
}

Result<OrderedJson> parse_arguments(std::string_view text) {
  text = trimmed(text);
  if (text.empty()) return OrderedJson::object();
  auto arguments = jinja::parse_json(text);
  if (!arguments) return Error{"its arguments are " + arguments.error().message};
  if (arguments->is_string()) return parse_arguments(arguments->get_ref<const std::string&>());
  if (!arguments->is_object()) return Error{"its arguments are not a JSON object"};
  return arguments;
}

Result<ParsedCall> call_from_json(const OrderedJson& json) {
  if (!json.is_object()) return Error{"it is not a JSON object"};
  const OrderedJson& call = inner_call(json);
  const OrderedJson* name = first_of(call, {"name", "tool_name", "function"});
  if (!name || !name->is_string() || *name == "") return Error{"it has no name"};
  const OrderedJson* id = first_of(json, {"id", "tool_call_id", "call_id"});
  const OrderedJson* arguments = first_of(call, {"arguments", "parameters", "args", "input"});
  ParsedCall result{id && id->is_string() ? id->get<std::string>() : "", name->get<std::string>(),
                    OrderedJson::object()};
  if (!arguments || arguments->is_null()) return result;
  if (arguments->is_object()) {
    result.arguments = *arguments;
    return result;
  }
  if (!arguments->is_string()) return Error{"its arguments are not a JSON object"};
  auto parsed = parse_arguments(arguments->get_ref<const std::string&>());
  if (!parsed) return parsed.error();
  result.arguments = std::move(*parsed);
  return result;
}

}  // namespace linnet
