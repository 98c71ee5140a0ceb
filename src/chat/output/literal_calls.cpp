#include <fmt/format.h>

#include <algorithm>

#include "chat/jinja/template.hpp"
#include "chat/output/call_syntax.hpp"

// Calls whose arguments are not JSON: Gemma's own notation, and Python.

namespace linnet {
namespace {

using Calls = Result<std::vector<ParsedCall>>;

constexpr std::string_view kQuotes[] = {"<|\"|>", "<escape>"};  // of Gemma's texts

// Reads values with a sign for the quotes; what fails leaves the reader failed.
class LiteralReader {
 public:
  explicit LiteralReader(std::string_view text) : text_(text) {}

  bool failed() const { return failed_; }
  bool at_end() { return skip_spaces(), text_.empty(); }
  std::string_view rest() const { return text_; }

  bool skip(std::string_view sign) {
    skip_spaces();
    if (!text_.starts_with(sign)) return false;
    text_.remove_prefix(sign.size());
    return true;
  }
  void expect(std::string_view sign) { failed_ |= !skip(sign); }

  std::string read_name() {
    skip_spaces();
    std::size_t length = 0;
    while (length < text_.size() && is_name_character(text_[length])) ++length;
    failed_ |= length == 0;
    return take(length);
  }

  OrderedJson read_value(int depth = 0) {
    if (depth > kMaxArgumentDepth) failed_ = true;
    if (failed_) return nullptr;
    for (const std::string_view quote : kQuotes) {
      if (skip(quote)) return read_quoted(quote);
    }
    if (skip("\"")) return read_escaped('"');
    if (skip("'")) return read_escaped('\'');
    if (skip("[")) return read_list("]", depth);
    if (skip("(")) return read_list(")", depth);
    if (skip("{")) return read_object(depth);
    return read_plain();
  }

  // key:value, ... } after the opening brace.
  OrderedJson read_object(int depth) {
    OrderedJson object = OrderedJson::object();
    while (!failed_ && !skip("}")) {
      const std::string key = read_key();
      expect(":");
      object[key] = read_value(depth + 1);
      if (!skip(",") && !at_sign('}')) failed_ = true;
    }
    return object;
  }

 private:
  // As it stands in a string of JSON, which has no control characters.
  static std::string json_character(char c) {
    const auto code = static_cast<unsigned char>(c);
    return code < ' ' ? fmt::format("\\u{:04x}", code) : std::string(1, c);
  }
  void skip_spaces() {
    text_.remove_prefix(std::min(text_.find_first_not_of(" \t\r\n"), text_.size()));
  }
  bool at_sign(char sign) { return skip_spaces(), text_.starts_with(sign); }
  std::string take(std::size_t length) {
    std::string taken(text_.substr(0, length));
    text_.remove_prefix(length);
    return taken;
  }

  std::string read_key() {
    for (const std::string_view quote : kQuotes) {
      if (skip(quote)) return read_quoted(quote);
    }
    if (skip("\"")) return read_escaped('"');
    if (skip("'")) return read_escaped('\'');
    return read_name();
  }

  std::string read_quoted(std::string_view quote) {
    const std::size_t end = text_.find(quote);
    if (end == std::string_view::npos) {
      failed_ = true;
      return {};
    }
    std::string text = take(end);
    text_.remove_prefix(quote.size());
    return text;
  }

  std::string read_escaped(char quote) {
    std::size_t end = 0;
    while (end < text_.size() && text_[end] != quote) end += text_[end] == '\\' ? 2 : 1;
    if (end >= text_.size()) {
      failed_ = true;
      return {};
    }
    // As JSON has it, once its quotes are those of JSON.
    std::string literal = "\"";
    for (std::size_t i = 0; i < end; ++i) {
      if (text_[i] == '\\' && text_[i + 1] == '\'') continue;
      if (text_[i] == '\\') {
        literal += text_[i++];
        literal += text_[i];
      } else if (text_[i] == '"') {
        literal += "\\\"";
      } else {
        literal += json_character(text_[i]);
      }
    }
    literal += '"';
    text_.remove_prefix(end + 1);
    const auto text = jinja::parse_json(literal);
    failed_ |= !text || !text->is_string();
    return failed_ ? std::string() : text->get<std::string>();
  }

  OrderedJson read_list(std::string_view end, int depth) {
    OrderedJson list = OrderedJson::array();
    while (!failed_ && !skip(end)) {
      list.push_back(read_value(depth + 1));
      if (!skip(",") && !at_sign(end[0])) failed_ = true;
    }
    return list;
  }

  OrderedJson read_plain() {
    skip_spaces();
    const std::string word = take(std::min(text_.find_first_of(",}])\n"), text_.size()));
    const std::string_view plain = trimmed(word);
    if (plain == "True" || plain == "true") return true;
    if (plain == "False" || plain == "false") return false;
    if (plain == "None" || plain == "null" || plain == "none") return nullptr;
    const auto number = jinja::parse_json(plain);
    if (number && number->is_number()) return *number;
    failed_ = true;
    return nullptr;
  }

  std::string_view text_;
  bool failed_ = false;
};

// call:NAME{key:value,...}
Calls parse_gemma_calls(std::string_view text, const ToolTable&) {
  std::vector<ParsedCall> calls;
  LiteralReader reader(text);
  while (!reader.at_end()) {
    reader.expect("call:");
    ParsedCall call{"", reader.read_name(), nullptr};
    reader.expect("{");
    call.arguments = reader.read_object(0);
    if (reader.failed()) return Error{"it is not of the form call:NAME{key:value}"};
    calls.push_back(std::move(call));
  }
  if (calls.empty()) return Error{"it is empty"};
  return calls;
}

// name(key=value, ...)
ParsedCall read_python_call(LiteralReader& reader) {
  ParsedCall call{"", reader.read_name(), OrderedJson::object()};
  reader.expect("(");
  while (!reader.failed() && !reader.skip(")")) {
    const std::string key = reader.read_name();
    reader.expect("=");
    call.arguments[key] = reader.read_value();
    if (!reader.skip(",") && !reader.rest().starts_with(')')) reader.expect(")");
  }
  return call;
}

Calls parse_python_calls(std::string_view text, const ToolTable&) {
  std::vector<ParsedCall> calls;
  LiteralReader reader(text);
  const bool is_list = reader.skip("[");
  do {
    calls.push_back(read_python_call(reader));
  } while (!reader.failed() && is_list && reader.skip(","));
  if (is_list) reader.expect("]");
  if (reader.failed() || !reader.at_end()) return Error{"it is not of the form [name(key=value)]"};
  return calls;
}

constexpr std::string_view kCodeTools[] = {"ipython", "python", "code_interpreter"};

// The call of the tool that runs code.
Calls code_call(const ToolTable& tools, const OrderedJson& arguments) {
  for (const std::string_view name : kCodeTools) {
    if (tools.contains(name)) return std::vector<ParsedCall>{{"", std::string(name), arguments}};
  }
  return Error{"there is no tool that runs code"};
}

// After <|python_tag|>: JSON, a built-in tool as name.call(key="value"), or code to run, as it is
// or as JSON arguments.
Calls parse_llama_calls(std::string_view text, const ToolTable& tools) {
  const std::string_view content = trimmed(text);
  if (content.starts_with('{')) {
    auto calls = kJsonCalls.parse(content, tools);
    const auto arguments = parse_arguments(content);
    const bool may_be_code = !calls && arguments && arguments->contains("code");
    return may_be_code ? code_call(tools, *arguments) : std::move(calls);
  }
  const std::size_t dot = content.find(".call(");
  if (dot != std::string_view::npos) {
    // Code may have the same word in it.
    if (auto calls = parse_python_calls(content, tools)) {
      (*calls)[0].name = content.substr(0, dot);
      return calls;
    }
  }
  return code_call(tools, {{"code", content}});
}

}  // namespace

bool runs_code(std::string_view tool) {
  return std::ranges::find(kCodeTools, tool) != std::end(kCodeTools);
}

constexpr ValueMarks kGemmaTexts[] = {{kQuotes[0], kQuotes[0]}, {kQuotes[1], kQuotes[1]}};

const CallSyntax kGemmaCalls{
    parse_gemma_calls, {CallValues::Strings::kPython, kGemmaTexts}, kQuotes};
const CallSyntax kPythonCalls{parse_python_calls, {CallValues::Strings::kPython}};
const CallSyntax kLlamaCalls{parse_llama_calls};

}  // namespace linnet
