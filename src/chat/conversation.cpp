#include "chat/conversation.hpp"

#include <fmt/format.h>

#include "base/utf8.hpp"
#include "chat/call_text.hpp"
#include "chat/jinja/template.hpp"
#include "chat/json_text.hpp"
#include "chat/output/call_syntax.hpp"

namespace linnet {
namespace {

using Json = nlohmann::ordered_json;

std::string_view role_of(const Json& message) {
  return message["role"].get_ref<const std::string&>();
}

bool has_calls(const Json& message) {
  const auto calls = message.find("tool_calls");
  return calls != message.end() && calls->is_array() && !calls->empty();
}

// Of what is not text a model is given nothing, whatever its template writes for it.
Status check_parts(const Json& parts, std::size_t message) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Json& part = parts[i];
    const Json type = part.is_object() ? part.value("type", Json()) : part;
    if (type == "text" && part.contains("text") && part["text"].is_string()) continue;
    return Error{fmt::format(
        "messages[{}].content[{}]: expected a part of type text with its text, found {}", message,
        i, shortened(json_text(type)))};
  }
  return {};
}

Status check_messages(const Json& messages) {
  if (!messages.is_array()) return Error{"messages: expected a list"};
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const Json& message = messages[i];
    if (!message.is_object() || !message.contains("role") || !message["role"].is_string()) {
      return Error{fmt::format("messages[{}]: expected an object with a role", i)};
    }
    const auto content = message.find("content");
    const bool fits = content == message.end() || content->is_null() || content->is_string() ||
                      content->is_array();
    if (!fits) return Error{fmt::format("messages[{}].content: expected text or parts", i)};
    if (content == message.end() || !content->is_array()) continue;
    if (Status status = check_parts(*content, i); !status) return status;
  }
  return {};
}

// The text of a message, whose content may be text, parts or nothing.
std::string text_of(const Json& message) {
  const auto content = message.find("content");
  if (content == message.end() || content->is_null()) return "";
  if (content->is_string()) return content->get<std::string>();
  std::string text;
  for (const Json& part : *content) text += part["text"].get_ref<const std::string&>();
  return text;
}

void shape_content(Json& messages, const Capabilities& capabilities) {
  for (Json& message : messages) {
    if (!message.contains("content") || message["content"].is_null()) {
      if (!capabilities.null_content) message["content"] = "";
      continue;
    }
    Json& content = message["content"];
    if (content.is_array() && !capabilities.part_content) {
      content = text_of(message);
    } else if (content.is_string() && !capabilities.text_content && capabilities.part_content) {
      content = Json::array({Json{{"type", "text"}, {"text", content}}});
    }
  }
}

void put_thinking_into_content(Json& message, const std::string& thinking) {
  Json parts = Json::array({Json{{"type", "thinking"}, {"thinking", thinking}}});
  const std::string text = text_of(message);
  if (!text.empty()) parts.push_back(Json{{"type", "text"}, {"text", text}});
  message["content"] = std::move(parts);
}

// The thinking of earlier answers under the name that the template reads.
void shape_thinking(Json& messages, const Capabilities& capabilities) {
  for (Json& message : messages) {
    const auto found = message.find("reasoning_content");
    if (found == message.end() || !found->is_string() || *found == "") continue;
    const std::string thinking = *found;
    if (capabilities.thinking_part) put_thinking_into_content(message, thinking);
    if (capabilities.thinking_key.empty()) continue;
    Json& shown = message[std::string(capabilities.thinking_key)];
    if (!shown.is_string()) shown = thinking;
    if (capabilities.thinking_beside_content || !has_calls(message)) continue;
    const std::string text = text_of(message);
    if (!text.empty()) shown = shown.get<std::string>() + "\n\n" + text;
    message["content"] = "";
  }
}

// As an object, where they are a text that is one.
void read_arguments(Json& function) {
  if (!function.is_object() || !function.contains("arguments")) return;
  Json& arguments = function["arguments"];
  if (!arguments.is_string()) return;
  auto parsed = jinja::parse_json(arguments.get_ref<const std::string&>());
  if (parsed && parsed->is_object()) arguments = std::move(*parsed);
}

// Arguments in the form that the template shows. What is not JSON stays as it is.
void shape_arguments(Json& messages, const Capabilities& capabilities) {
  for (Json& message : messages) {
    if (!has_calls(message)) continue;
    for (Json& call : message["tool_calls"]) {
      if (!call.is_object()) continue;
      Json& holder =
          call.contains("function") && call["function"].is_object() ? call["function"] : call;
      if (!holder.contains("arguments")) continue;
      Json& arguments = holder["arguments"];
      if (capabilities.object_arguments) {
        read_arguments(holder);
      } else if (arguments.is_object()) {
        arguments = json_text(arguments);
      }
    }
  }
}

void prepend_to_content(Json& message, const std::string& text) {
  Json& content = message["content"];
  if (content.is_array()) {
    content.insert(content.begin(), Json{{"type", "text"}, {"text", text + "\n\n"}});
  } else {
    const std::string old = content.is_string() ? content.get<std::string>() : "";
    content = old.empty() ? text : text + "\n\n" + old;
  }
}

// Describes the tools if the template does not. The form is the one that the generic output
// format understands.
std::string describe_tools(const Json& tools) {
  return "You can call these functions:\n" + json_text(tools) +
         "\nTo call some, answer with nothing but a JSON object of this form:\n"
         R"({"tool_calls": [{"name": "the function", "arguments": {"its": "arguments"}}]})"
         "\nThe results come in the next message. Otherwise answer as usual.";
}

void set_if_absent(Json& object, const char* key, Json value) {
  if (!object.contains(key) || object[key].is_null()) object[key] = std::move(value);
}

void describe_parameters(Json& function) {
  if (!function.contains("parameters")) return;
  Json& parameters = function["parameters"];
  if (!parameters.is_object() || !parameters.contains("properties")) return;
  for (Json& parameter : parameters["properties"]) {
    if (parameter.is_object()) set_if_absent(parameter, "description", "");
  }
}

// What a template fails without, though OpenAI's API does not ask for it.
void complete_tools(Json& tools, const Capabilities& capabilities) {
  for (Json& tool : tools) {
    if (!tool.is_object() || !tool.contains("function") || !tool["function"].is_object()) continue;
    Json& function = tool["function"];
    if (!capabilities.bare_tools) {
      set_if_absent(function, "description", "");
      set_if_absent(function, "parameters", Json::object());
      if (function["parameters"].is_object()) {
        set_if_absent(function["parameters"], "type", "object");
        set_if_absent(function["parameters"], "properties", Json::object());
      }
    }
    if (!capabilities.bare_parameters) describe_parameters(function);
  }
}

void add_to_system_message(Json& messages, const std::string& text) {
  if (!messages.empty() && role_of(messages[0]) == "system") {
    const std::string old = text_of(messages[0]);
    messages[0]["content"] = old.empty() ? text : old + "\n\n" + text;
  } else {
    messages.insert(messages.begin(), Json{{"role", "system"}, {"content", text}});
  }
}

// What a tool's result is called after: the function, else the call.
std::string result_name(const Json& message) {
  for (const char* const key : {"name", "tool_call_id"}) {
    const auto name = message.find(key);
    if (name != message.end() && name->is_string()) return name->get<std::string>();
  }
  return {};
}

// A call's function as models write it: the name first, whatever the client's order.
Json written_function(const Json& call) {
  Json function = call.is_object() && call.contains("function") ? call["function"] : call;
  read_arguments(function);
  if (!function.is_object() || !function.contains("name")) return function;
  Json written = {{"name", function["name"]}};
  written.update(function);
  return written;
}

// Calls become what the model would have written, results become messages of the user if the
// template does not show them.
void write_calls_as_text(Json& messages, const Capabilities& capabilities, const CallForm* form) {
  for (Json& message : messages) {
    if (has_calls(message)) {
      Json calls = Json::array();
      for (const Json& call : message["tool_calls"]) calls.push_back(written_function(call));
      const std::string text = form ? call_text(*form, calls) : json_text({{"tool_calls", calls}});
      std::string content = text_of(message);
      if (!content.empty()) content += '\n';
      message["content"] = content + text;
      message.erase("tool_calls");
    } else if (role_of(message) == "tool" && !(form && capabilities.tool_results)) {
      const std::string name = result_name(message);
      message = Json{{"role", "user"},
                     {"content", "Result of " + (name.empty() ? "the function" : name) + ":\n" +
                                     text_of(message)}};
    }
  }
}

// The name of the function whose result a message has: result number `index` for these calls.
std::string called_name(const Json& calls, const Json& message, std::size_t index) {
  const Json* const id = member(&message, "tool_call_id");
  const Json* found = index < calls.size() ? &calls[index] : nullptr;
  for (const Json& call : calls) {
    const Json* const own = member(&call, "id");
    if (id && id->is_string() && own && *own == *id) found = &call;
  }
  if (const Json* const name = member(member(found, "function"), "name");
      name && name->is_string()) {
    return *name;
  }
  return result_name(message);
}

// Results move into the message with the calls.
void move_results_to_calls(Json& messages) {
  Json kept = Json::array();
  for (Json& message : messages) {
    if (role_of(message) != "tool" || kept.empty() || !has_calls(kept.back())) {
      kept.push_back(std::move(message));
      continue;
    }
    Json& responses = kept.back()["tool_responses"];
    if (!responses.is_array()) responses = Json::array();
    const std::string text = text_of(message);
    const auto object = jinja::parse_json(text);
    responses.push_back(
        {{"name", called_name(kept.back()["tool_calls"], message, responses.size())},
         {"response", object && object->is_object() ? *object : Json(text)}});
  }
  messages = std::move(kept);
}

void shape_tools(Conversation& conversation, const Capabilities& capabilities,
                 const CallForm* form) {
  const bool has_tools = conversation.tools.is_array() && !conversation.tools.empty();
  if (!has_tools) conversation.tools = nullptr;
  if (has_tools && capabilities.tools) complete_tools(conversation.tools, capabilities);
  if (has_tools && !capabilities.tools) {
    add_to_system_message(conversation.messages, describe_tools(conversation.tools));
    conversation.tools = nullptr;
    conversation.warnings.push_back(
        "the chat template has no place for tools: a system message describes them");
  }
  if (!capabilities.shows_calls() || !capabilities.tools) {
    write_calls_as_text(conversation.messages, capabilities, form);
  } else if (capabilities.tool_responses) {
    move_results_to_calls(conversation.messages);
  }
}

// System messages go into the user's message that follows.
void shape_system_messages(Conversation& conversation) {
  Json kept = Json::array();
  std::string waiting;
  for (Json& message : conversation.messages) {
    if (role_of(message) == "system") {
      waiting += (waiting.empty() ? "" : "\n\n") + text_of(message);
      continue;
    }
    if (!waiting.empty() && role_of(message) == "user") {
      prepend_to_content(message, std::exchange(waiting, {}));
    }
    kept.push_back(std::move(message));
  }
  if (!waiting.empty()) kept.push_back(Json{{"role", "user"}, {"content", waiting}});
  if (kept.size() != conversation.messages.size() || !waiting.empty()) {
    conversation.warnings.push_back(
        "the chat template has no place for a system message: the user's message begins with it");
  }
  conversation.messages = std::move(kept);
}

}  // namespace

Result<Conversation> shape_conversation(Json messages, Json tools, const Capabilities& capabilities,
                                        const CallForm* form) {
  if (const Status status = check_messages(messages); !status) return status.error();
  Conversation conversation{std::move(messages), std::move(tools), {}};
  shape_tools(conversation, capabilities, form);
  if (!capabilities.system_message) shape_system_messages(conversation);
  shape_content(conversation.messages, capabilities);
  shape_thinking(conversation.messages, capabilities);
  shape_arguments(conversation.messages, capabilities);
  return conversation;
}

}  // namespace linnet
