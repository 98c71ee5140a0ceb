#include "serve/requests/ollama_request.hpp"

#include <fmt/format.h>

#include <array>

#include "chat/json_text.hpp"
#include "serve/requests/thinking_fields.hpp"
#include "serve/requests/unanswered_calls.hpp"
#include "serve/requests/unsupported_fields.hpp"

namespace linnet::serve {
namespace {

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
    const std::string role = message.one_of("role", kRoles, "");
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
    const Json* const object = call.object("function");
    if (!object) return call.fail("function", "expected an object, found nothing");
    Fields function(*object, call.path_of("function"));
    const std::string name = function.required_text("name");
    const Json* const arguments = function.object("arguments");
    call.take_error(function);
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

GenerationOptions read_options(Fields& fields, const ServedModel& model) {
  static constexpr std::array kUnsupported = {
      UnsupportedField{"context", "/api/chat takes what was said before"},
      UnsupportedField{"logprobs", "/v1/chat/completions tells them"},
      UnsupportedField{"template", "linnet serve --chat-template chooses one"},
  };
  refuse_unsupported(fields, kUnsupported);
  refuse_unsupported_generation(fields);
  GenerationOptions options;
  options.streams = fields.boolean("stream", true);
  const Json none = Json::object();
  const Json* const object = fields.object("options");
  Fields given(object ? *object : none, "options");
  options.sampling = read_sampling(given, model);
  draw_seed_of_minus_one(given, options.sampling);
  options.stops = read_stops(given, "stop");
  options.max_tokens = read_most_tokens(given, "num_predict");
  // The context is the server's. A larger one than asked for changes nothing, because nothing is
  // cut, and what needs more than there is meets an error.
  given.integer("num_ctx", 1, kMostTokens);
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

OllamaRequest read_shared(Fields& fields, const ServedModel& model) {
  OllamaRequest request;
  request.options = read_options(fields, model);
  request.constraint = read_format(fields);
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

bool is_ollama_text(Fields& fields, const ServedModel& model) {
  const bool is_raw = fields.boolean("raw", false);
  return is_raw || !fields.text("suffix").value_or("").empty() || !model.chat;
}

}  // namespace linnet::serve
