#include <fmt/format.h>

#include "chat/output/call_syntax.hpp"

namespace linnet {
namespace {

using Calls = Result<std::vector<ParsedCall>>;
constexpr auto kNowhere = std::string_view::npos;

// Reads tags in order. They are not XML: nothing is escaped, and a name may follow the tag's.
class TagReader {
 public:
  explicit TagReader(std::string_view text) : text_(text) {}

  bool at_end() const { return trimmed(text_).empty(); }
  std::string_view rest() const { return text_; }

  bool skip(std::string_view prefix) {
    const std::size_t begin = text_.find_first_not_of(" \t\r\n");
    if (begin == kNowhere || !text_.substr(begin).starts_with(prefix)) return false;
    text_.remove_prefix(begin + prefix.size());
    return true;
  }

  // The text before `end`, which is passed; false where there is none.
  bool read_until(std::string_view end, std::string_view& before) {
    const std::size_t found = text_.find(end);
    if (found == kNowhere) return false;
    before = text_.substr(0, found);
    text_.remove_prefix(found + end.size());
    return true;
  }

 private:
  std::string_view text_;
};

// A value stands between newlines that are not part of it.
std::string_view without_newlines(std::string_view text) {
  if (text.starts_with('\n')) text.remove_prefix(1);
  if (text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

// <function=NAME> <parameter=KEY> VALUE </parameter> ... </function>, or JSON for the parameters.
Result<ParsedCall> parse_function(TagReader& reader, const ToolTable& tools) {
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
    call.arguments[std::string(key)] = tools.typed_value(call.name, key, without_newlines(value));
  }
  if (!reader.read_until("</function>", value)) return Error{"a function has no end"};
  if (trimmed(value).empty()) return call;
  auto arguments = parse_arguments(value);
  if (!arguments) return arguments.error();
  call.arguments = std::move(*arguments);
  return call;
}

Calls parse_function_calls(std::string_view text, const ToolTable& tools) {
  std::vector<ParsedCall> calls;
  TagReader reader(text);
  do {
    auto call = parse_function(reader, tools);
    if (!call) return call.error();
    calls.push_back(std::move(*call));
  } while (!reader.at_end());
  return calls;
}

// The value of name="..." in a tag; nothing where it has none.
std::string_view attribute(std::string_view tag, std::string_view name) {
  const std::size_t found = tag.find(name);
  if (found == kNowhere) return {};
  tag.remove_prefix(found + name.size());
  if (!tag.starts_with("=\"")) return {};
  tag.remove_prefix(2);
  return tag.substr(0, tag.find('"'));
}

// `mark` stands before the tags' names in DeepSeek's form of it.
Result<ParsedCall> parse_invoke(TagReader& reader, const ToolTable& tools, std::string_view mark) {
  const auto open = [&](std::string_view name) { return fmt::format("<{}{}", mark, name); };
  const auto close = [&](std::string_view name) { return fmt::format("</{}{}>", mark, name); };
  std::string_view tag;
  std::string_view value;
  if (!reader.skip(open("invoke")) || !reader.read_until(">", tag))
    return Error{"it is not a call"};
  ParsedCall call{"", std::string(attribute(tag, "name")), OrderedJson::object()};
  if (call.name.empty()) return Error{"it has no name"};
  while (reader.skip(open("parameter"))) {
    if (!reader.read_until(">", tag) || !reader.read_until(close("parameter"), value)) {
      return Error{"a parameter has no end"};
    }
    const std::string_view key = attribute(tag, "name");
    const bool is_text = attribute(tag, "string") == "true";
    value = without_newlines(value);
    call.arguments[std::string(key)] =
        is_text ? OrderedJson(value) : tools.typed_value(call.name, key, value);
  }
  if (!reader.skip(close("invoke"))) return Error{"a call has no end"};
  return call;
}

Calls parse_invoke_calls(std::string_view text, const ToolTable& tools) {
  constexpr std::string_view kMark = "｜DSML｜";
  const std::string_view mark = text.find(kMark) == kNowhere ? std::string_view{} : kMark;
  std::vector<ParsedCall> calls;
  TagReader reader(text);
  do {
    auto call = parse_invoke(reader, tools, mark);
    if (!call) return call.error();
    calls.push_back(std::move(*call));
  } while (!reader.at_end());
  return calls;
}

// NAME <arg_key>KEY</arg_key> <arg_value>VALUE</arg_value> ...
Calls parse_key_value_calls(std::string_view text, const ToolTable& tools) {
  const std::size_t name_end = std::min(text.find_first_of("\n<"), text.size());
  ParsedCall call{"", std::string(trimmed(text.substr(0, name_end))), OrderedJson::object()};
  if (call.name.empty() || call.name.find(' ') != std::string::npos) return Error{"it has no name"};
  TagReader reader(text.substr(name_end));
  std::string_view key;
  std::string_view value;
  while (reader.skip("<arg_key>")) {
    const bool complete = reader.read_until("</arg_key>", key) && reader.skip("<arg_value>") &&
                          reader.read_until("</arg_value>", value);
    if (!complete) return Error{"an argument is not complete"};
    call.arguments[std::string(trimmed(key))] = tools.typed_value(call.name, trimmed(key), value);
  }
  if (!reader.at_end()) return Error{"there is text after its arguments"};
  return std::vector<ParsedCall>{std::move(call)};
}

// Families share the tag <tool_call>, and differ in what they write into it.
Calls parse_tag_calls(std::string_view text, const ToolTable& tools) {
  const std::string_view content = trimmed(text);
  if (content.starts_with('{') || content.starts_with('[')) return kJsonCalls.parse(text, tools);
  if (content.starts_with("<function=")) return parse_function_calls(text, tools);
  return parse_key_value_calls(content, tools);
}

}  // namespace

const CallSyntax kTagCalls{parse_tag_calls};
const CallSyntax kFunctionCalls{parse_function_calls};
const CallSyntax kInvokeCalls{parse_invoke_calls};

}  // namespace linnet
