#include "serve/requests/chat_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/utf8.hpp"
#include "serve/requests/thinking_fields.hpp"
#include "serve/requests/unsupported_fields.hpp"

namespace linnet::serve {
namespace {

using Texts = std::vector<std::string>;

// {"url": URL, "detail": ...}, or the URL. How large a model sees pictures is the model's matter,
// whatever the detail.
Json read_image_url(Fields& part, MediaParts& media) {
  const Json* const field = part.find("image_url");
  if (field && !field->is_object()) return media.from_url(part, "image_url");
  part.require("image_url", "an object or a string");
  Json text;
  part.with_object("image_url", [&](Fields& image) {
    image.text("detail");
    text = media.from_url(image, "url");
  });
  return text;
}

// {"data": BASE64, "format": "wav"}; the first bytes of a file tell its kind, whatever the format.
Json read_input_audio(Fields& part, MediaParts& media) {
  Json text;
  part.with_required_object("input_audio", [&](Fields& sound) {
    sound.text("format");
    text = media.from_base64_sound(sound, "data");
  });
  return text;
}

// Puts parts of text in the places of pictures and sounds in `shown`, a copy of the message.
void read_content(Fields& message, std::string_view role, MediaParts& media, Json& shown) {
  const Json* const content = message.find("content");
  if (!content || content->is_string()) return;
  if (!content->is_array()) return message.fail_type("content", "a string or an array", *content);
  message.each_object("content", content->size(), [&, i = std::size_t{0}](Fields& part) mutable {
    Json& shown_part = shown["content"][i++];
    const std::string type = part.required_text("type");
    const bool is_medium = type == "image_url" || type == "input_audio";
    if (is_medium && role != "user" && role != "tool") {
      part.fail("type", std::string(kNoMediaHere));
    }
    if (type == "image_url") {
      shown_part = read_image_url(part, media);
    } else if (type == "input_audio") {
      shown_part = read_input_audio(part, media);
    } else if (type == "refusal") {
      shown_part = {{"type", "text"}, {"text", part.required_text("refusal")}};
    } else if (type == "text" || part.has("text")) {
      part.required_text("text");
    } else {
      part.fail("type", fmt::format("expected text, image_url, input_audio or refusal, found {}; "
                                    "this server reads texts, pictures and sounds only",
                                    shortened(type)));
    }
  });
}

void check_calls(Fields& message) {
  message.each_object("tool_calls", kMostTools, [](Fields& call) {
    call.with_required_object("function", [](Fields& function) {
      function.required_text("name");
      const Json* const arguments = function.find("arguments");
      if (arguments && !arguments->is_object()) function.text("arguments");
    });
  });
}

// Whether what is at [begin, end) names a member, as in tool['function'], and not one of a list.
bool is_subscript(std::string_view source, std::size_t begin, std::size_t end) {
  if (begin < 2 || source[begin - 1] != '[' || !source.substr(end).starts_with(']')) return false;
  const auto before = static_cast<unsigned char>(source[begin - 2]);
  return std::isalnum(before) || before == '_' || before == ')' || before == ']';
}

bool has_quoted(std::string_view source, const std::string& quoted) {
  for (std::size_t at = source.find(quoted); at != source.npos; at = source.find(quoted, at + 1)) {
    if (!is_subscript(source, at, at + quoted.size())) return true;
  }
  return false;
}

bool names_role(std::string_view template_source, const std::string& role) {
  return !role.empty() && (has_quoted(template_source, "'" + role + "'") ||
                           has_quoted(template_source, '"' + role + '"'));
}

// What the template is given. It does not know the newer name of system messages, nor as a rule the
// older one of results, but perhaps roles of its own. Of others it might leave the message out.
std::string read_role(Fields& message, const std::string& template_source) {
  static constexpr std::array<std::string_view, 6> kRoles = {"system",    "developer", "user",
                                                             "assistant", "tool",      "function"};
  std::string role = message.required_text("role");
  if (message.error()) return role;
  // A template that names both means what a tool is by "function".
  if (role == "function" && names_role(template_source, "tool")) return "tool";
  if (names_role(template_source, role)) return role;
  message.one_of("role", kRoles, "");
  if (role == "developer") return "system";
  return role == "function" ? "tool" : role;
}

Json read_messages(Fields& fields, const std::string& template_source, MediaParts& media) {
  const Json* const given = fields.array("messages", kMostMessages);
  if (!given || given->empty()) {
    fields.fail("messages", "expected an array with at least one message");
    return Json::array();
  }
  Json messages = *given;
  fields.each_object("messages", kMostMessages, [&, i = std::size_t{0}](Fields& message) mutable {
    Json& shown = messages[i++];
    const std::string role = read_role(message, template_source);
    if (role == "user") message.require("content", "a string or an array");
    read_content(message, role, media, shown);
    check_calls(message);
    shown["role"] = role;
  });
  return messages;
}

// What OpenAI's chat completions have and this server has not.
void refuse_what_is_not_there(Fields& fields) {
  static constexpr std::array kUnsupported = {
      UnsupportedField{"audio", "answers are text"},
      UnsupportedField{"function_call", "tool_choice says that"},
      UnsupportedField{"functions", "tools takes functions"},
      UnsupportedField{"web_search_options", "this server searches nothing"},
  };
  refuse_unsupported(fields, kUnsupported);
  for (const std::string& modality : fields.texts("modalities", 8).value_or(Texts())) {
    if (modality != "text")
      fields.fail("modalities", fmt::format("expected text, found {}", shortened(modality)));
  }
}

// {"function": {"name": NAME}}, or {"name": NAME} in responses.
std::string function_name(Fields& holder) {
  if (!holder.has("function")) return holder.required_text("name");
  std::string name;
  holder.with_object("function", [&](Fields& part) { name = part.required_text("name"); });
  return name;
}

void read_allowed_tools(Fields& allowed, ToolChoice& choice) {
  static constexpr std::array<std::string_view, 2> kModes = {"auto", "required"};
  choice.must_call = allowed.required_one_of("mode", kModes) == "required";
  allowed.each_object("tools", kMostTools, [&](Fields& tool) {
    const bool is_of_service = tool.text("type").value_or("function") != "function";
    if (!is_of_service) choice.names.push_back(function_name(tool));
  });
  if (choice.names.empty()) allowed.fail("tools", "expected an array with at least one function");
}

void read_choice_object(Fields& object, ToolChoice& choice) {
  static constexpr std::array<std::string_view, 2> kTypes = {"function", "allowed_tools"};
  if (object.one_of("type", kTypes, "function") == "function") {
    choice.names = {function_name(object)};
    choice.must_call = true;
    return;
  }
  // Responses have mode and tools beside the type.
  if (object.has("tools") && !object.has("allowed_tools")) {
    return read_allowed_tools(object, choice);
  }
  object.with_required_object("allowed_tools",
                              [&](Fields& allowed) { read_allowed_tools(allowed, choice); });
}

}  // namespace

// OpenAI has the same rule, but for dots.
std::string required_tool_name(Fields& tool) {
  constexpr std::size_t kLongest = 128;
  std::string name = tool.required_text("name");
  const bool is_plain = std::ranges::all_of(name, [](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) || c == '_' || c == '-' || c == '.');
  });
  if (!tool.error() && (name.empty() || name.size() > kLongest || !is_plain)) {
    tool.fail("name", fmt::format("expected 1 to {} letters, digits, dots, - and _, found '{}'",
                                  kLongest, shortened(name)));
  }
  return name;
}

void read_tools(Fields& fields, const std::function<Json(Fields& tool)>& function_of,
                ChatFields& chat) {
  Json& tools = chat.request.tools = nullptr;
  fields.each_object("tools", kMostTools, [&](Fields& tool) {
    Json function = function_of(tool);
    if (!function.is_null()) {
      tools.push_back({{"type", "function"}, {"function", std::move(function)}});
    } else if (!tool.error()) {
      chat.warnings.push_back(
          fmt::format("{} is left out: this server runs no tools of its own, and {} is no function",
                      tool.path(), shortened(tool.text("type").value_or("it"))));
    }
  });
}

void read_function_tools(Fields& fields, ChatFields& chat) {
  const auto function_of = [](Fields& tool) -> Json {
    if (tool.text("type").value_or("function") != "function") return nullptr;
    tool.with_required_object("function", [](Fields& function) {
      required_tool_name(function);
      function.text("description");
      function.object("parameters");
    });
    return tool.error() ? nullptr : *tool.find("function");
  };
  read_tools(fields, function_of, chat);
}

Json read_flat_function(Fields& tool, std::string_view schema_name) {
  Json function = {{"name", required_tool_name(tool)}};
  if (const auto description = tool.text("description")) function["description"] = *description;
  if (const Json* const schema = tool.object(schema_name)) function["parameters"] = *schema;
  // Where the API's default is strict: what is not asked for is not held.
  if (tool.boolean("strict", false)) function["strict"] = true;
  return function;
}

void read_tool_choice(Fields& fields, ChatFields& chat) {
  const Json* const choice = fields.find("tool_choice");
  if (choice && choice->is_object()) {
    fields.with_object("tool_choice",
                       [&](Fields& object) { read_choice_object(object, chat.choice); });
  } else if (choice) {
    static constexpr std::array<std::string_view, 3> kModes = {"auto", "none", "required"};
    chat.choice.must_call = fields.one_of("tool_choice", kModes, "auto") == "required";
  }
  settle_tool_choice(fields, "tool_choice", choice && *choice == "none", chat);
}

void settle_tool_choice(Fields& fields, std::string_view path, bool none, ChatFields& chat) {
  if (fields.error()) return;
  Json& tools = chat.request.tools;
  const bool has_tools = tools.is_array() && !tools.empty();
  if ((chat.choice.must_call || !chat.choice.names.empty()) && !has_tools) {
    return fields.fail(path, "a tool is to be called, but tools are not given");
  }
  if (none) tools = nullptr;
  for (const std::string& name : chat.choice.names) {
    const auto is_named = [&](const Json& tool) { return tool["function"]["name"] == name; };
    if (std::ranges::any_of(tools, is_named)) continue;
    return fields.fail(path, fmt::format("there is no tool {} among the tools", shortened(name)));
  }
}

void take_begun_answer(Fields& fields, ChatRequest& chat) {
  if (fields.error() || chat.messages.empty() || chat.messages.back()["role"] != "assistant")
    return;
  const Fields last(chat.messages.back());
  std::string text;
  bool is_text = !last.has("tool_calls") && !last.has("reasoning_content");
  const Json* const content = last.find("content");
  if (content && content->is_string()) {
    text = content->get<std::string>();
  } else if (content) {
    for (const Json& part : *content) {
      is_text &= part["type"] == "text";
      if (is_text) text += part["text"].get_ref<const std::string&>();
    }
  }
  if (!is_text) {
    return fields.fail(fmt::format("messages[{}]", chat.messages.size() - 1),
                       "an answer can begin with text only");
  }
  chat.messages.erase(chat.messages.size() - 1);
  chat.begun_answer = std::move(text);
}

ChatFields read_chat_fields(Fields& fields, const ServedModel& model) {
  refuse_what_is_not_there(fields);
  ChatFields chat;
  MediaParts media;
  chat.request.messages = read_messages(fields, model.template_source, media);
  chat.media = media.take();
  read_function_tools(fields, chat);
  read_thinking_fields(fields, chat);
  read_verbosity(fields, chat.warnings);
  // Else they are among the fields that do nothing.
  if (model.template_source.find("documents") != std::string::npos) {
    const Json* const documents = fields.array("documents", kMostMessages);
    if (documents) chat.request.variables["documents"] = *documents;
  }
  chat.request.add_generation_prompt = fields.boolean("add_generation_prompt", true);
  if (fields.boolean("continue_final_message", false)) {
    take_begun_answer(fields, chat.request);
    // vLLM's clients say that no answer begins, because one goes on.
    chat.request.add_generation_prompt = true;
  }
  read_tool_choice(fields, chat);
  chat.choice.parallel = fields.boolean("parallel_tool_calls", true);
  return chat;
}

}  // namespace linnet::serve
