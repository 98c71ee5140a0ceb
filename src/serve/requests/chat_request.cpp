#include "serve/requests/chat_request.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace linnet::serve {
namespace {

void check_content(Fields& message) {
  const Json* const content = message.find("content");
  if (!content || content->is_string()) return;
  if (!content->is_array()) return message.fail_type("content", "a string or an array", *content);
  for (std::size_t i = 0; i < content->size(); ++i) {
    const std::string at = fmt::format("content[{}]", i);
    if (!(*content)[i].is_object()) return message.fail_type(at, "an object", (*content)[i]);
    Fields part((*content)[i], message.path_of(at));
    part.required_text("type");
    if (part.has("text")) part.required_text("text");
    message.take_error(part);
  }
}

void check_calls(Fields& message) {
  const Json* const calls = message.array("tool_calls", kMostTools);
  for (std::size_t i = 0; calls && i < calls->size(); ++i) {
    const std::string at = fmt::format("tool_calls[{}]", i);
    if (!(*calls)[i].is_object()) return message.fail_type(at, "an object", (*calls)[i]);
    Fields call((*calls)[i], message.path_of(at));
    const Json* const object = call.object("function");
    if (!object) {
      call.fail("function", "expected an object, found nothing");
    } else {
      Fields function(*object, call.path_of("function"));
      function.required_text("name");
      if (const Json* const arguments = function.find("arguments");
          arguments && !arguments->is_object()) {
        function.required_text("arguments");
      }
      call.take_error(function);
    }
    message.take_error(call);
  }
}

// Templates do not know the newer name of system messages.
std::string role_of(std::string role) { return role == "developer" ? "system" : role; }

Json read_messages(Fields& fields) {
  const Json* const given = fields.array("messages", kMostMessages);
  if (!given || given->empty()) {
    fields.fail("messages", "expected an array with at least one message");
    return Json::array();
  }
  Json messages = *given;
  for (std::size_t i = 0; i < messages.size() && !fields.error(); ++i) {
    const std::string at = fmt::format("messages[{}]", i);
    if (!messages[i].is_object()) {
      fields.fail_type(at, "an object", messages[i]);
      break;
    }
    Fields message(messages[i], fields.path_of(at));
    const std::string role = role_of(message.required_text("role"));
    check_content(message);
    check_calls(message);
    fields.take_error(message);
    if (!fields.error()) messages[i]["role"] = role;
  }
  return messages;
}

Json read_tools(Fields& fields) {
  const Json* const tools = fields.array("tools", kMostTools);
  if (!tools) return nullptr;
  for (std::size_t i = 0; i < tools->size(); ++i) {
    const std::string at = fmt::format("tools[{}]", i);
    if (!(*tools)[i].is_object()) {
      fields.fail_type(at, "an object", (*tools)[i]);
      break;
    }
    Fields tool((*tools)[i], fields.path_of(at));
    static constexpr std::array<std::string_view, 1> kTypes = {"function"};
    tool.one_of("type", kTypes, "function");
    if (const Json* const object = tool.object("function")) {
      Fields function(*object, tool.path_of("function"));
      function.required_text("name");
      function.text("description");
      function.object("parameters");
      tool.take_error(function);
    } else {
      tool.fail("function", "expected an object, found nothing");
    }
    fields.take_error(tool);
  }
  return *tools;
}

// none, auto, required, or an object that names a function.
void read_tool_choice(Fields& fields, ChatFields& chat) {
  const Json* const choice = fields.find("tool_choice");
  if (choice && choice->is_object()) {
    Fields named(*choice, "tool_choice");
    const Json* const object = named.object("function");
    Fields function(object ? *object : *choice, object ? "tool_choice.function" : "tool_choice");
    chat.choice.name = function.required_text("name");
    chat.choice.must_call = true;
    named.take_error(function);
    fields.take_error(named);
  } else if (choice) {
    static constexpr std::array<std::string_view, 3> kModes = {"auto", "none", "required"};
    chat.choice.must_call = fields.one_of("tool_choice", kModes, "auto") == "required";
  }
  settle_tool_choice(fields, "tool_choice", choice && *choice == "none", chat);
}

}  // namespace

void settle_tool_choice(Fields& fields, std::string_view path, bool none, ChatFields& chat) {
  if (fields.error()) return;
  Json& tools = chat.request.tools;
  const bool has_tools = tools.is_array() && !tools.empty();
  if (chat.choice.must_call && !has_tools) {
    return fields.fail(path, "a tool must be called, but tools are not given");
  }
  if (none) tools = nullptr;
  if (chat.choice.name.empty()) return;
  const auto is_named = [&](const Json& tool) {
    return tool["function"]["name"] == chat.choice.name;
  };
  if (std::ranges::none_of(tools, is_named)) {
    fields.fail(path, fmt::format("there is no tool {} among the tools", chat.choice.name));
  }
}

Json read_template_variables(Fields& fields) {
  const Json* const variables = fields.object("chat_template_kwargs");
  return variables ? *variables : Json::object();
}

ChatFields read_chat_fields(Fields& fields) {
  ChatFields chat;
  chat.request.messages = read_messages(fields);
  chat.request.tools = read_tools(fields);
  chat.request.variables = read_template_variables(fields);
  if (const auto effort = fields.text("reasoning_effort")) {
    chat.request.variables["reasoning_effort"] = *effort;
  }
  read_tool_choice(fields, chat);
  chat.choice.parallel = fields.boolean("parallel_tool_calls", true);
  return chat;
}

}  // namespace linnet::serve
