#include <fmt/format.h>

#include "chat/output/call_syntax.hpp"
#include "chat/output/tag_reader.hpp"

namespace linnet {
namespace {

using Calls = Result<std::vector<ParsedCall>>;
using Strings = CallValues::Strings;
constexpr auto kNowhere = std::string_view::npos;

// The text of parameters, in the tags of all families.
constexpr ValueMarks kParameters[] = {{"<parameter=", "</parameter>"},
                                      {"<arg_value>", "</arg_value>"}};
constexpr ValueMarks kNamedParameters[] = {{"<parameter", "</parameter>", true},
                                           {"<｜DSML｜parameter", "</｜DSML｜parameter>", true},
                                           {"<atem:parameter", "</atem:parameter>", true},
                                           {"<param ", "</param>", true}};
constexpr std::string_view kHunyuanMarkers[] = {"<tool_call:opensource>", "</tool_call:opensource>",
                                                "<tool_sep:opensource>",  "<arg_key:opensource>",
                                                "</arg_key:opensource>",  "<arg_value:opensource>",
                                                "</arg_value:opensource>"};
constexpr ValueMarks kHunyuanValues[] = {{"<arg_value:opensource>", "</arg_value:opensource>"}};

constexpr std::string_view kTagBegins[] = {" { \"", " [ {", " <function= \x03 > <",
                                           " <function= \x03 > {", " \x03 <"};
constexpr std::string_view kInvokeBegins[] = {" <｜DSML｜invoke ", " <invoke "};

// The value stands between newlines that are not part of it, which a model may forget.
std::string_view without_newlines(std::string_view text) {
  if (text.starts_with('\n')) text.remove_prefix(1);
  if (text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

// <function=NAME> <parameter=KEY>VALUE</parameter> ... </function>, or JSON for the parameters.
Result<ParsedCall> parse_function(TagReader& reader, const ToolTable& tools, bool has_newlines) {
  std::string_view name;
  if (!reader.skip("<function=") || !reader.read_until(">", name)) {
    return Error{"it has no function"};
  }
  ParsedCall call{"", std::string(trimmed(name)), OrderedJson::object()};
  if (call.name.empty()) return Error{"it has no name"};
  std::string_view key;
  std::string_view value;
  while (reader.skip("<parameter=")) {
    if (!reader.read_until(">", key) || !reader.read_until("</parameter>", value)) {
      return Error{"a parameter has no end"};
    }
    key = trimmed(key);
    if (has_newlines) value = without_newlines(value);
    call.arguments[std::string(key)] = tools.typed_value(call.name, key, value);
  }
  if (!reader.read_until("</function>", kJsonValues, value)) return Error{"a function has no end"};
  if (trimmed(value).empty()) return call;
  auto arguments = parse_arguments(value);
  if (!arguments) return arguments.error();
  call.arguments = std::move(*arguments);
  return call;
}

Calls parse_function_calls(std::string_view text, const ToolTable& tools) {
  TagReader reader(text);
  return read_calls(reader, [&] { return parse_function(reader, tools, false); });
}

// Qwen's values stand on lines of their own.
Calls parse_functions_in_lines(std::string_view text, const ToolTable& tools) {
  TagReader reader(text);
  return read_calls(reader, [&] { return parse_function(reader, tools, true); });
}

// How calls with named tags are written: <CALL name="..."><PARAMETER name="...">VALUE</PARAMETER>.
struct NamedTags {
  std::string_view call;
  std::string_view parameter;
};

// The text of a parameter; one with signs of its own may stand in <![CDATA[...]]>.
bool read_value(TagReader& reader, std::string_view end, std::string_view& value) {
  if (!reader.rest().starts_with(kCdata)) return reader.read_until(end, value);
  std::string_view none;
  reader.skip(kCdata);
  return reader.read_until(kCdataEnd, value) && reader.read_until(end, none);
}

Result<ParsedCall> parse_named_tags(TagReader& reader, const ToolTable& tools,
                                    const NamedTags& tags) {
  const auto open = [](std::string_view name) { return fmt::format("<{}", name); };
  const auto close = [](std::string_view name) { return fmt::format("</{}>", name); };
  std::string_view tag;
  std::string_view value;
  if (!reader.skip(open(tags.call)) || !reader.read_until(">", tag)) {
    return Error{"it is not a call"};
  }
  ParsedCall call{"", std::string(attribute(tag, "name")), OrderedJson::object()};
  if (call.name.empty()) return Error{"it has no name"};
  while (reader.skip(open(tags.parameter))) {
    if (!reader.read_until(">", tag) || !read_value(reader, close(tags.parameter), value)) {
      return Error{"a parameter has no end"};
    }
    const std::string_view key = attribute(tag, "name");
    const bool is_text = attribute(tag, "string") == "true";
    call.arguments[std::string(key)] =
        is_text ? OrderedJson(value) : tools.typed_value(call.name, key, value);
  }
  if (!reader.skip(close(tags.call))) return Error{"a call has no end"};
  return call;
}

Calls parse_all(std::string_view text, const ToolTable& tools, const NamedTags& tags) {
  TagReader reader(text);
  return read_calls(reader, [&] { return parse_named_tags(reader, tools, tags); });
}

// DeepSeek has a mark in front of the tags' names.
Calls parse_invoke_calls(std::string_view text, const ToolTable& tools) {
  if (text.find("｜DSML｜") != kNowhere) {
    return parse_all(text, tools, {"｜DSML｜invoke", "｜DSML｜parameter"});
  }
  return parse_all(text, tools, {"invoke", "parameter"});
}

Calls parse_atem_calls(std::string_view text, const ToolTable& tools) {
  TagReader reader(text);
  std::string_view calls;
  if (!reader.skip("<atem:function_calls>") ||
      !reader.read_until("</atem:function_calls>", {Strings::kNone, kNamedParameters}, calls)) {
    return Error{"it is not complete"};
  }
  return parse_all(calls, tools, {"atem:invoke", "atem:parameter"});
}

Calls parse_minicpm_calls(std::string_view text, const ToolTable& tools) {
  return parse_all(text, tools, {"function", "param"});
}

// <arg_key>KEY</arg_key> <arg_value>VALUE</arg_value> ..., with `mark` behind the tags' names.
Status read_key_values(TagReader reader, const ToolTable& tools, std::string_view mark,
                       ParsedCall& call) {
  const std::string begin_key = fmt::format("<arg_key{}>", mark);
  const std::string end_key = fmt::format("</arg_key{}>", mark);
  const std::string begin_value = fmt::format("<arg_value{}>", mark);
  const std::string end_value = fmt::format("</arg_value{}>", mark);
  if (call.name.empty() || call.name.find(' ') != std::string::npos) return Error{"it has no name"};
  std::string_view key;
  std::string_view value;
  while (reader.skip(begin_key)) {
    const bool complete = reader.read_until(end_key, key) && reader.skip(begin_value) &&
                          reader.read_until(end_value, value);
    if (!complete) return Error{"an argument is not complete"};
    call.arguments[std::string(trimmed(key))] = tools.typed_value(call.name, trimmed(key), value);
  }
  if (!reader.at_end()) return Error{"there is text after its arguments"};
  return {};
}

// NAME and its keys and values.
Calls parse_key_value_calls(std::string_view text, const ToolTable& tools) {
  const std::size_t name_end = std::min(text.find_first_of("\n<"), text.size());
  ParsedCall call{"", std::string(trimmed(text.substr(0, name_end))), OrderedJson::object()};
  if (auto read = read_key_values(TagReader(text.substr(name_end)), tools, "", call); !read) {
    return read.error();
  }
  return std::vector<ParsedCall>{std::move(call)};
}

Calls parse_hunyuan_calls(std::string_view text, const ToolTable& tools) {
  auto parts = parts_between(text, "<tool_call:opensource>", "</tool_call:opensource>",
                             {Strings::kNone, kHunyuanValues});
  if (!parts) return parts.error();
  std::vector<ParsedCall> calls;
  for (const std::string_view part : *parts) {
    TagReader reader(part);
    std::string_view name;
    if (!reader.read_until("<tool_sep:opensource>", name)) return Error{"it has no name"};
    ParsedCall call{"", std::string(trimmed(name)), OrderedJson::object()};
    if (auto read = read_key_values(reader, tools, ":opensource", call); !read) return read.error();
    calls.push_back(std::move(call));
  }
  return calls;
}

// Families share the tag <tool_call>, and differ in what they write into it.
Calls parse_tag_calls(std::string_view text, const ToolTable& tools) {
  const std::string_view content = trimmed(text);
  if (content.starts_with('{') || content.starts_with('[')) return kJsonCalls.parse(text, tools);
  if (content.starts_with("<function=")) return parse_functions_in_lines(text, tools);
  return parse_key_value_calls(content, tools);
}

}  // namespace

const CallSyntax kTagCalls{parse_tag_calls, {Strings::kJson, kParameters}, {}, kTagBegins};
const CallSyntax kFunctionCalls{parse_function_calls, {Strings::kJson, kParameters}};
const CallSyntax kInvokeCalls{
    parse_invoke_calls, {Strings::kNone, kNamedParameters}, {}, kInvokeBegins};
const CallSyntax kAtemCalls{parse_atem_calls, {Strings::kNone, kNamedParameters}};
const CallSyntax kMiniCpmCalls{parse_minicpm_calls, {Strings::kNone, kNamedParameters}};
const CallSyntax kHunyuanCalls{
    parse_hunyuan_calls, {Strings::kNone, kHunyuanValues}, kHunyuanMarkers};

}  // namespace linnet
