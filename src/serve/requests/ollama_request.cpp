#include "serve/requests/ollama_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "chat/json_text.hpp"
#include "serve/engines/shared_by_engines.hpp"
#include "serve/requests/thinking_fields.hpp"
#include "serve/requests/unanswered_calls.hpp"
#include "serve/requests/unsupported_fields.hpp"

namespace linnet::serve {
namespace {

constexpr std::int64_t kMostTopLogprobs = 20;

// Turns the messages of one request. Results of tools without an id follow the calls in their
// order: ids are newer than this API, and few clients send them.
class MessageReader {
 public:
  MessageReader(Fields& fields, MediaParts& media) : fields_(fields), media_(media) {}

  Json run() {
    fields_.each_object("messages", kMostMessages, [&](Fields& message) { add(message); });
    return std::move(messages_);
  }

  // `text` and `images` as the content of a message.
  Json content_of(Fields& holder, std::string_view text_name) {
    std::string text = holder.text(text_name).value_or("");
    Json parts = media_.from_base64_list(holder, "images");
    if (parts.empty()) return text;
    if (!text.empty()) parts.push_back({{"type", "text"}, {"text", std::move(text)}});
    return parts;
  }

 private:
  void add(Fields& message) {
    static constexpr std::array<std::string_view, 4> kRoles = {"system", "user", "assistant",
                                                               "tool"};
    const std::string role = message.required_one_of("role", kRoles);
    Json turned = {{"role", role}, {"content", content_of(message, "content")}};
    if (turned["content"].is_array() && role != "user" && role != "tool") {
      message.fail("images", std::string(kNoMediaHere));
    }
    const std::string thinking = message.text("thinking").value_or("");
    if (!thinking.empty()) turned["reasoning_content"] = thinking;
    message.each_object("tool_calls", kMostTools, [&](Fields& call) { add_call(call, turned); });
    if (role == "tool") add_result(message, turned);
    messages_.push_back(std::move(turned));
  }

  void add_call(Fields& call, Json& turned) {
    std::string name;
    const Json* arguments = nullptr;
    call.with_required_object("function", [&](Fields& function) {
      name = function.required_text("name");
      arguments = function.object("arguments");
    });
    const std::string id = call.text("id").value_or(fmt::format("call_{}", ++calls_));
    unanswered_.add({id, name});
    turned["tool_calls"].push_back(
        {{"id", id},
         {"type", "function"},
         {"function", {{"name", name}, {"arguments", arguments ? json_text(*arguments) : "{}"}}}});
  }

  void add_result(Fields& message, Json& turned) {
    const auto id = message.text("tool_call_id");
    const auto call =
        unanswered_.take(id).value_or(UnansweredCalls::Call{id.value_or("call_0"), ""});
    turned["tool_call_id"] = call.id;
    turned["name"] = message.text("tool_name").value_or(call.name);
  }

  Fields& fields_;
  MediaParts& media_;
  Json messages_ = Json::array();
  UnansweredCalls unanswered_;
  std::size_t calls_ = 0;
};

GenerationOptions read_options(Fields& fields, const ServedModel& model,
                               std::vector<std::string>& warnings) {
  static constexpr std::array kUnsupported = {
      UnsupportedField{"context", "/api/chat takes what was said before"},
      UnsupportedField{"template", "linnet serve --chat-template chooses one"},
  };
  refuse_unsupported(fields, kUnsupported);
  refuse_unsupported_generation(fields);
  GenerationOptions options;
  options.ends_at_context = true;  // as Ollama's server has it, and says in done_reason
  options.streams = fields.boolean("stream", true);
  const std::int64_t top = fields.integer("top_logprobs", 0, kMostTopLogprobs).value_or(0);
  if (fields.boolean("logprobs", false)) options.top_logprobs = top;
  const Json none = Json::object();
  const Json* const object = fields.object("options");
  Fields given(object ? *object : none, "options");
  options.sampling = read_sampling(given, model);
  options.stops = read_stops(given, "stop");
  options.max_tokens = read_most_tokens(given, "num_predict");
  // The context is the server's. A larger one than asked for changes nothing, because nothing is
  // cut, and what needs more than there is meets an error.
  given.integer("num_ctx", 1, kMostTokens);
  if (auto warning = warning_of_unread(given)) warnings.push_back(std::move(*warning));
  fields.take_error(given);
  return options;
}

// "json", or a schema.
TextConstraint read_format(Fields& fields) {
  const Json* const format = fields.find("format");
  Json object = {{"type", "text"}};
  if (format && *format == "json") {
    object = {{"type", "json_object"}};
  } else if (format && format->is_object()) {
    object = {{"type", "json_schema"}, {"schema", *format}};
  } else if (format && *format != "") {
    fields.fail("format", "expected \"json\" or a schema");
  }
  return read_text_constraint(fields, &object, "format");
}

// true, false, or how much.
Json read_think(Fields& fields) {
  Json variables = Json::object();
  const Json* const think = fields.find("think");
  if (think && think->is_boolean()) {
    variables["enable_thinking"] = *think;
  } else if (think) {
    static constexpr std::array<std::string_view, 4> kEfforts = {"none", "low", "medium", "high"};
    set_effort(fields.one_of("think", kEfforts, "medium"), variables);
  }
  return variables;
}

// "1h30m", "-5m", "1.5s", or seconds; nothing where it is none of these.
std::optional<double> parse_seconds(std::string_view text) {
  struct Unit {
    std::string_view name;
    double seconds;
  };
  static constexpr std::array kUnits = {Unit{"ms", 1e-3}, Unit{"h", 3600.0}, Unit{"m", 60.0},
                                        Unit{"s", 1.0}};
  const bool is_negative = text.starts_with('-');
  if (is_negative) text.remove_prefix(1);
  double seconds = 0.0;
  if (text.empty()) return std::nullopt;
  const std::size_t bytes = text.size();
  while (!text.empty()) {
    double number = 0.0;
    const auto read =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    // Which reads "nan" and "inf", too.
    if (read.ec != std::errc() || !std::isfinite(number) || number < 0.0) return std::nullopt;
    const bool is_first = text.size() == bytes;
    text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
    const auto unit =
        std::ranges::find_if(kUnits, [&](const Unit& of) { return text.starts_with(of.name); });
    const bool is_plain = text.empty() && is_first;
    if (unit == kUnits.end() && !is_plain) return std::nullopt;
    seconds += number * (is_plain ? 1.0 : unit->seconds);
    if (!is_plain) text.remove_prefix(unit->name.size());
  }
  return is_negative ? -seconds : seconds;
}

OllamaRequest read_shared(Fields& fields, const ServedModel& model) {
  OllamaRequest request;
  request.options = read_options(fields, model, request.chat.warnings);
  request.constraint = read_format(fields);
  request.stay = read_keep_alive(fields);
  request.chat.request.variables = read_think(fields);
  return request;
}

}  // namespace

OllamaRequest read_ollama_chat(Fields& fields, const ServedModel& model) {
  OllamaRequest request = read_shared(fields, model);
  MediaParts media;
  request.chat.request.messages = MessageReader(fields, media).run();
  request.chat.media = media.take();
  read_function_tools(fields, request.chat);
  take_begun_answer(fields, request.chat.request);
  return request;
}

OllamaRequest read_ollama_prompt(Fields& fields, const ServedModel& model) {
  OllamaRequest request = read_shared(fields, model);
  MediaParts media;
  Json content = MessageReader(fields, media).content_of(fields, "prompt");
  request.chat.media = media.take();
  const std::string system = fields.text("system").value_or("");
  Json& messages = request.chat.request.messages = Json::array();
  if (content.empty() || content == "") return request;
  if (!system.empty()) messages.push_back({{"role", "system"}, {"content", system}});
  messages.push_back({{"role", "user"}, {"content", std::move(content)}});
  return request;
}

std::optional<std::chrono::milliseconds> read_keep_alive(Fields& fields) {
  constexpr double kLongest_s = 1e9;
  const Json* const field = fields.find("keep_alive");
  if (!field) return std::nullopt;
  std::optional<double> seconds;
  if (field->is_number()) seconds = field->get<double>();
  if (field->is_string()) seconds = parse_seconds(field->get_ref<const std::string&>());
  if (!seconds) {
    fields.fail("keep_alive", "expected seconds, a time as \"5m\", or -1 for no end");
    return std::nullopt;
  }
  if (!(*seconds >= 0.0 && *seconds < kLongest_s)) return kForever;
  return std::chrono::milliseconds(static_cast<std::int64_t>(*seconds * 1e3));
}

bool is_ollama_text(Fields& fields, const ServedModel& model) {
  const bool is_raw = fields.boolean("raw", false);
  return is_raw || !fields.text("suffix").value_or("").empty() || !model.chat;
}

}  // namespace linnet::serve
