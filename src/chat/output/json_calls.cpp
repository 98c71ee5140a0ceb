#include "chat/output/call_syntax.hpp"
#include "chat/output/section_end.hpp"

namespace linnet {
namespace {

using Calls = Result<std::vector<ParsedCall>>;

Status append_calls(const OrderedJson& json, std::vector<ParsedCall>& calls) {
  if (json.is_object() && json.contains("tool_calls")) {
    return append_calls(json["tool_calls"], calls);
  }
  if (json.is_object() && json.contains("tool_call")) return append_calls(json["tool_call"], calls);
  if (!json.is_array()) {
    auto call = call_from_json(json);
    if (!call) return call.error();
    calls.push_back(std::move(*call));
    return {};
  }
  for (const OrderedJson& item : json) {
    auto call = call_from_json(item);
    if (!call) return call.error();
    calls.push_back(std::move(*call));
  }
  return {};
}

// One JSON value or several, with white space, commas or semicolons between them.
Calls parse_json_calls(std::string_view text, const ToolTable&) {
  std::vector<ParsedCall> calls;
  std::size_t at = 0;
  while ((at = text.find_first_not_of(" \t\r\n,;", at)) != std::string_view::npos) {
    const std::size_t end = end_of_json(text, at);
    if (end == std::string_view::npos || (text[at] != '{' && text[at] != '[')) {
      return Error{"it is not complete JSON"};
    }
    const auto json = parse_call_json(text.substr(at, end - at));
    if (!json) return Error{"it is " + json.error().message};
    if (const Status status = append_calls(*json, calls); !status) return status.error();
    at = end;
  }
  if (calls.empty()) return Error{"it is empty"};
  return calls;
}

Calls parse_functools_calls(std::string_view text, const ToolTable& tools) {
  constexpr std::string_view kWord = "functools";
  if (text.starts_with(kWord)) text.remove_prefix(kWord.size());
  return parse_json_calls(text, tools);
}

constexpr std::string_view kMistralMarkers[] = {"[CALL_ID]", "[ARGS]"};

// [TOOL_CALLS][{...}], or [TOOL_CALLS]name[CALL_ID]id[ARGS]{...} for each.
Calls parse_mistral_calls(std::string_view text, const ToolTable& tools) {
  constexpr std::string_view kBegin = "[TOOL_CALLS]";
  const auto& [id_mark, arguments_mark] = kMistralMarkers;
  const std::string_view content = trimmed(text);
  if (content.starts_with('[') && !content.starts_with(kBegin)) {
    return parse_json_calls(content, tools);
  }
  std::vector<ParsedCall> calls;
  while (!text.empty()) {
    std::string_view part = text.substr(0, SectionEnd(kBegin, kJsonValues).find(text));
    text.remove_prefix(std::min(text.size(), part.size() + kBegin.size()));
    const std::size_t arguments_at = part.find(arguments_mark);
    if (arguments_at == std::string_view::npos) return Error{"it has no [ARGS]"};
    auto arguments = parse_arguments(part.substr(arguments_at + arguments_mark.size()));
    if (!arguments) return arguments.error();
    part = part.substr(0, arguments_at);
    const std::size_t id_at = part.find(id_mark);
    ParsedCall call{"", std::string(trimmed(part.substr(0, id_at))), std::move(*arguments)};
    if (id_at != std::string_view::npos) call.id = trimmed(part.substr(id_at + id_mark.size()));
    if (call.name.empty()) return Error{"it has no name"};
    calls.push_back(std::move(call));
  }
  if (calls.empty()) return Error{"it is empty"};
  return calls;
}

constexpr std::string_view kKimiMarkers[] = {"<|tool_call_begin|>", "<|tool_call_end|>",
                                             "<|tool_call_argument_begin|>"};

// Calls of which any may have no end.
std::vector<std::string_view> kimi_parts(std::string_view text) {
  const auto& [begin, end, unused] = kKimiMarkers;
  std::vector<std::string_view> parts;
  for (std::size_t at = text.find(begin); at != text.npos; at = text.find(begin, at)) {
    at += begin.size();
    parts.push_back(text.substr(at, SectionEnd({end, begin}, kJsonValues).find(text.substr(at))));
    at += parts.back().size();
  }
  return parts;
}

// functions.NAME:INDEX<|tool_call_argument_begin|>{...}
Calls parse_kimi_calls(std::string_view text, const ToolTable&) {
  const std::string_view arguments_mark = kKimiMarkers[2];
  std::vector<ParsedCall> calls;
  for (const std::string_view part : kimi_parts(text)) {
    const std::size_t arguments_at = part.find(arguments_mark);
    if (arguments_at == part.npos) return Error{"it has no arguments"};
    const std::string_view json = trimmed(part.substr(arguments_at + arguments_mark.size()));
    if (json.empty()) return Error{"it is not complete"};
    auto arguments = parse_arguments(json);
    if (!arguments) return arguments.error();
    const std::string_view id = trimmed(part.substr(0, arguments_at));
    std::string_view name = id.substr(0, id.rfind(':'));
    if (name.starts_with("functions.")) name.remove_prefix(10);
    if (name.empty()) return Error{"it has no name"};
    calls.push_back({std::string(id), std::string(name), std::move(*arguments)});
  }
  if (calls.empty()) return Error{"it is empty"};
  return calls;
}

std::string_view without_fence(std::string_view text) {
  text = trimmed(text);
  if (!text.starts_with("```")) return text;
  text.remove_prefix(std::min(text.find('\n'), text.size()));
  if (text.ends_with("```")) text.remove_suffix(3);
  return trimmed(text);
}

constexpr std::string_view kDeepSeekMarkers[] = {"<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>",
                                                 "<｜tool▁sep｜>"};

// function<｜tool▁sep｜>NAME, a newline and a fenced block, or NAME<｜tool▁sep｜>{...} since V3.1.
Calls parse_deepseek_calls(std::string_view text, const ToolTable&) {
  const auto& [begin, end, separator_mark] = kDeepSeekMarkers;
  auto parts = parts_between(text, begin, end, kJsonValues);
  if (!parts) return parts.error();
  std::vector<ParsedCall> calls;
  for (const std::string_view part : *parts) {
    const std::size_t separator = part.find(separator_mark);
    if (separator == std::string_view::npos) return Error{"it has no separator"};
    std::string_view name = trimmed(part.substr(0, separator));
    std::string_view rest = part.substr(separator + separator_mark.size());
    if (name == "function") {
      const std::size_t line_end = std::min(rest.find('\n'), rest.size());
      name = trimmed(rest.substr(0, line_end));
      rest.remove_prefix(line_end);
    }
    auto arguments = parse_arguments(without_fence(rest));
    if (!arguments) return arguments.error();
    if (name.empty()) return Error{"it has no name"};
    calls.push_back({"", std::string(name), std::move(*arguments)});
  }
  return calls;
}

constexpr std::string_view kSolarMarkers[] = {"<|tool_call:begin|>", "<|tool_call:end|>",
                                              "<|tool_call:name|>", "<|tool_call:args|>"};

// ID<|tool_call:name|>NAME<|tool_call:args|>{...}
Calls parse_solar_calls(std::string_view text, const ToolTable&) {
  const auto& [begin, end, name_mark, arguments_mark] = kSolarMarkers;
  auto parts = parts_between(text, begin, end, kJsonValues);
  if (!parts) return parts.error();
  std::vector<ParsedCall> calls;
  for (const std::string_view part : *parts) {
    const std::size_t name_at = part.find(name_mark), arguments_at = part.find(arguments_mark);
    if (name_at > arguments_at || arguments_at == std::string_view::npos) {
      return Error{"it has no name or no arguments"};
    }
    auto arguments = parse_arguments(part.substr(arguments_at + arguments_mark.size()));
    if (!arguments) return arguments.error();
    const std::size_t name_begin = name_at + name_mark.size();
    calls.push_back({std::string(trimmed(part.substr(0, name_at))),
                     std::string(trimmed(part.substr(name_begin, arguments_at - name_begin))),
                     std::move(*arguments)});
  }
  return calls;
}

// [{NAME: {...}}, ...]
Calls parse_named_calls(std::string_view text, const ToolTable&) {
  const auto json = parse_call_json(trimmed(text));
  if (!json) return Error{"it is " + json.error().message};
  if (!json->is_array() || json->empty()) return Error{"it is not a list of calls"};
  std::vector<ParsedCall> calls;
  for (const OrderedJson& item : *json) {
    if (!item.is_object() || item.size() != 1 || !item.front().is_object()) {
      return Error{"a call is not of the form {NAME: {...}}"};
    }
    calls.push_back({"", item.begin().key(), item.front()});
  }
  return calls;
}

}  // namespace

constexpr std::string_view kJsonBegins[] = {" { \"", " [ {"};
constexpr std::string_view kKimiBegins[] = {" <|tool_call_begin|> functions.\x03",
                                            " <|tool_call_begin|> \x03"};

const CallSyntax kJsonCalls{parse_json_calls, kJsonValues, {}, kJsonBegins};
const CallSyntax kFunctoolsCalls{parse_functools_calls,
                                 {.strings = CallValues::Strings::kJson, .are_nested = true}};
const CallSyntax kMistralCalls{parse_mistral_calls, kJsonValues, kMistralMarkers};
const CallSyntax kSolarCalls{parse_solar_calls, kJsonValues, kSolarMarkers};
const CallSyntax kNamedCalls{parse_named_calls, kJsonValues};
const CallSyntax kKimiCalls{parse_kimi_calls, kJsonValues, kKimiMarkers, kKimiBegins};
const CallSyntax kDeepSeekCalls{parse_deepseek_calls, kJsonValues, kDeepSeekMarkers};

}  // namespace linnet
