#include <fmt/format.h>

#include "chat/output/call_syntax.hpp"
#include "chat/output/tag_reader.hpp"

// Calls whose arguments are elements named by their keys, and Kimi K3's tags between control
// tokens.

namespace linnet {
namespace {

using Calls = Result<std::vector<ParsedCall>>;

constexpr std::string_view kMark = "]<]minimax[>[";  // in front of each tag of MiniMax M3

bool has_type(const OrderedJson* schema, std::string_view type) {
  const OrderedJson* found = member(schema, "type");
  return found && *found == type;
}

// Reads elements <KEY>VALUE</KEY>, whose values are text or elements again: those of a list are
// called "item".
class ElementReader {
 public:
  explicit ElementReader(TagReader reader) : reader_(reader) {}

  bool skip(std::string_view tag) { return reader_.skip(fmt::format("{}<{}", kMark, tag)); }
  bool at_end() const { return reader_.at_end(); }
  bool read_until(std::string_view end, std::string_view& before) {
    return reader_.read_until(end, before);
  }
  bool closes(std::string_view name) { return skip(fmt::format("/{}>", name)); }

  // The value of the element `name`, up to behind its end; an Error where it has none.
  Result<OrderedJson> read_value(std::string_view name, const OrderedJson* schema, int depth) {
    if (depth > kMaxArgumentDepth) return Error{"it is nested too deeply"};
    const std::string close = fmt::format("{}</{}>", kMark, name);
    const std::string_view rest = reader_.rest();
    const std::size_t mark = rest.find(kMark);
    std::string_view text;
    if (mark == std::string_view::npos) return Error{"an argument has no end"};
    if (rest.substr(mark).starts_with(close)) {
      reader_.read_until(close, text);
      return leaf(schema, text);
    }
    OrderedJson object = OrderedJson::object(), list = OrderedJson::array();
    while (!closes(name)) {
      std::string_view key;
      if (!skip("") || !reader_.read_until(">", key)) return Error{"an argument has no end"};
      const bool is_item = key == "item" && !has_type(schema, "object");
      const OrderedJson* const inner =
          is_item ? member(schema, "items") : member(member(schema, "properties"), key);
      auto value = read_value(key, inner, depth + 1);
      if (!value) return value.error();
      if (is_item) {
        list.push_back(std::move(*value));
      } else {
        object[std::string(key)] = std::move(*value);
      }
    }
    return std::move(list.empty() ? object : list);
  }

 private:
  static OrderedJson leaf(const OrderedJson* schema, std::string_view text) {
    if (text.empty() && has_type(schema, "object")) return OrderedJson::object();
    if (text.empty() && has_type(schema, "array")) return OrderedJson::array();
    return typed_text(schema, text);
  }

  TagReader reader_;
};

Result<ParsedCall> parse_element_call(ElementReader& reader, const ToolTable& tools) {
  std::string_view tag;
  if (!reader.skip("invoke ") || !reader.read_until(">", tag)) return Error{"it is not a call"};
  ParsedCall call{"", std::string(attribute(tag, "name")), OrderedJson::object()};
  if (call.name.empty()) return Error{"it has no name"};
  while (!reader.closes("invoke")) {
    std::string_view key;
    if (!reader.skip("") || !reader.read_until(">", key)) return Error{"a call has no end"};
    auto value = reader.read_value(key, tools.schema(call.name, key), 0);
    if (!value) return value.error();
    call.arguments[std::string(key)] = std::move(*value);
  }
  return call;
}

Calls parse_element_calls(std::string_view text, const ToolTable& tools) {
  ElementReader reader{TagReader(text)};
  return read_calls(reader, [&] { return parse_element_call(reader, tools); });
}

std::string unescaped(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const bool is_quote = text.starts_with("&quot;"), is_and = text.starts_with("&amp;");
    result += is_quote ? '"' : text[0];
    text.remove_prefix(is_quote ? 6 : is_and ? 5 : 1);
  }
  return result;
}

// <|open|>argument key="..." type="..."<|sep|>VALUE<|close|>argument<|sep|> ..., or all of them as
// JSON in <|open|>json ...
Status read_xtml_arguments(TagReader& reader, OrderedJson& arguments) {
  std::string_view tag;
  std::string_view value;
  while (reader.skip("<|open|>argument")) {
    if (!reader.read_until("<|sep|>", tag) ||
        !reader.read_until("<|close|>argument<|sep|>", value)) {
      return Error{"an argument has no end"};
    }
    const bool is_text = attribute(tag, "type") == "string";
    arguments[unescaped(attribute(tag, "key"))] =
        is_text ? OrderedJson(value) : typed_text(nullptr, value);
  }
  if (!reader.skip("<|open|>json")) return {};
  if (!reader.read_until("<|sep|>", tag) || !reader.read_until("<|close|>json<|sep|>", value)) {
    return Error{"its arguments have no end"};
  }
  auto all = parse_arguments(value);
  if (!all) return all.error();
  arguments = std::move(*all);
  return {};
}

Result<ParsedCall> parse_xtml_call(TagReader& reader) {
  std::string_view tag;
  if (!reader.skip("<|open|>call") || !reader.read_until("<|sep|>", tag)) {
    return Error{"it is not a call"};
  }
  ParsedCall call{"", unescaped(attribute(tag, "tool")), OrderedJson::object()};
  if (call.name.empty()) return Error{"it has no name"};
  if (auto read = read_xtml_arguments(reader, call.arguments); !read) return read.error();
  if (!reader.skip("<|close|>call<|sep|>")) return Error{"a call has no end"};
  return call;
}

Calls parse_xtml_calls(std::string_view text, const ToolTable&) {
  TagReader reader(text);
  return read_calls(reader, [&] { return parse_xtml_call(reader); });
}

}  // namespace

const CallSyntax kElementCalls{parse_element_calls};
constexpr ValueMarks kXtmlValues[] = {{"<|open|>argument", "<|close|>argument<|sep|>"},
                                      {"<|open|>json", "<|close|>json<|sep|>"}};
const CallSyntax kXtmlCalls{parse_xtml_calls, {CallValues::Strings::kNone, kXtmlValues}};

}  // namespace linnet
