#include "serve/requests/message_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/utf8.hpp"
#include "serve/requests/client_tools.hpp"
#include "serve/requests/thinking_fields.hpp"
#include "serve/requests/unsupported_fields.hpp"

namespace linnet::serve {
namespace {

// Turns the messages of one request, block by block.
class MessageReader {
 public:
  MessageReader(Fields& fields, MediaParts& media) : fields_(fields), media_(media) {}

  Json run() {
    add_system();
    const Json* const messages = fields_.array("messages", kMostMessages);
    if (!messages || messages->empty()) {
      fields_.fail("messages", "expected an array with at least one message");
    }
    fields_.each_object("messages", kMostMessages, [&](Fields& message) { add_message(message); });
    return std::move(messages_);
  }

 private:
  void add_system() {
    Json content = content_of(fields_, "system", kTextTypes);
    if (!content.is_null()) {
      messages_.push_back({{"role", "system"}, {"content", std::move(content)}});
    }
  }

  void add_message(Fields& message) {
    static constexpr std::array<std::string_view, 3> kRoles = {"user", "assistant", "system"};
    const std::string role = message.required_one_of("role", kRoles);
    message.require("content", "a string or an array");
    const Json* const content = message.find("content");
    Json turned = {{"role", role}, {"content", nullptr}};
    if (content && content->is_array()) {
      message.each_object("content", content->size(),
                          [&](Fields& block) { add_block(block, turned); });
    } else if (content && content->is_string()) {
      turned["content"] = *content;
    } else if (content) {
      message.fail_type("content", "a string or an array", *content);
    }
    // The results of tools are messages of their own and come first.
    if (turned.size() > 2 || !turned["content"].is_null()) messages_.push_back(std::move(turned));
  }

  void add_block(Fields& block, Json& turned) {
    static constexpr std::array<std::string_view, 8> kTypes = {
        "text",     "image",       "thinking", "redacted_thinking",
        "tool_use", "tool_result", "document", "search_result"};
    const std::string type = block.required_one_of("type", kTypes);
    if (turned["role"] == "system" && type != "text") {
      block.fail("type", fmt::format("expected text in a message of the system, found {}", type));
    }
    if (type == "image" && turned["role"] != "user") {
      block.fail("type", std::string(kNoMediaHere));
    }
    const bool is_part = std::ranges::find(kResultTypes, type) != kResultTypes.end();
    if (is_part) {
      if (turned["content"].is_null()) turned["content"] = Json::array();
      add_parts(block, type, turned["content"]);
    } else if (type == "thinking") {
      append_text(block.required_text("thinking"), turned["reasoning_content"]);
    } else if (type == "tool_use") {
      add_call(block, turned);
    } else if (type == "tool_result") {
      add_result(block);
    }
  }

  void add_call(Fields& block, Json& turned) {
    const std::string id = block.required_text("id"), name = block.required_text("name");
    const Json* const input = block.object("input");
    tool_names_[id] = name;
    turned["tool_calls"].push_back(
        {{"id", id},
         {"type", "function"},
         {"function", {{"name", name}, {"arguments", input ? json_text(*input) : "{}"}}}});
  }

  void add_result(Fields& block) {
    const std::string id = block.required_text("tool_use_id");
    Json content = content_of(block, "content", kResultTypes);
    messages_.push_back({{"role", "tool"},
                         {"tool_call_id", id},
                         {"name", tool_names_[id]},
                         {"content", content.is_null() ? Json("") : std::move(content)}});
  }

  // What a block of one of kResultTypes becomes.
  void add_parts(Fields& block, std::string_view type, Json& parts) {
    if (type == "image") {
      parts.push_back(picture_of(block));
    } else if (type == "document") {
      add_document(block, parts);
    } else if (type == "search_result") {
      add_heading({block.required_text("title"), block.required_text("source")}, parts);
      add_texts(block, kTextTypes, parts);
    } else {
      parts.push_back(text_part(block.required_text("text")));
    }
  }

  static Json text_part(std::string text) { return {{"type", "text"}, {"text", std::move(text)}}; }

  // A line each, before what they are the heading of.
  static void add_heading(const std::vector<std::string>& lines, Json& parts) {
    std::string text;
    for (const std::string& line : lines) text += line.empty() ? "" : line + "\n";
    if (!text.empty()) parts.push_back(text_part(std::move(text)));
  }

  // The `content` of a block, each block of it a paragraph.
  void add_texts(Fields& holder, std::span<const std::string_view> types, Json& parts) {
    holder.require("content", "a string or an array");
    Json content = content_of(holder, "content", types);
    if (content.is_string()) content = Json::array({text_part(content.get<std::string>())});
    for (Json& part : content) {
      if (part["type"] == "text") part["text"].get_ref<std::string&>() += "\n";
      parts.push_back(std::move(part));
    }
  }

  void add_document(Fields& block, Json& parts) {
    add_heading({block.text("title").value_or(""), block.text("context").value_or("")}, parts);
    block.with_required_object("source", [&](Fields& source) {
      const std::string type = source.required_text("type");
      if (type == "text") {
        parts.push_back(text_part(source.required_text("data") + "\n"));
      } else if (type == "content") {
        add_texts(source, kPictureTypes, parts);
      } else if (type == "base64") {
        source.fail("type",
                    "this server reads no PDF: send its text as a source of type text, or "
                    "its pages as images");
      } else {
        source.fail("type", fmt::format("this server fetches nothing and keeps no files: expected "
                                        "text or content, found {}",
                                        shortened(type)));
      }
    });
  }

  Json picture_of(Fields& block) {
    Json part;
    block.with_required_object("source", [&](Fields& source) {
      const std::string type = source.required_text("type");
      if (type == "base64") {
        source.text("media_type");
        part = media_.from_base64(source, "data");
      } else {
        source.fail("type", fmt::format("this server fetches nothing and keeps no files: expected "
                                        "base64, found {}",
                                        shortened(type)));
      }
    });
    return part;
  }

  // A text, or blocks of these types as parts; null where it is absent.
  Json content_of(Fields& holder, std::string_view name, std::span<const std::string_view> types) {
    const Json* const field = holder.find(name);
    if (!field) return nullptr;
    if (field->is_string()) return *field;
    if (!field->is_array()) holder.fail_type(name, "a string or an array", *field);
    Json parts = Json::array();
    holder.each_object(name, kMostMessages, [&](Fields& block) {
      add_parts(block, block.one_of("type", types, "text"), parts);
    });
    return parts;
  }

  static constexpr std::array<std::string_view, 1> kTextTypes = {"text"};
  static constexpr std::array<std::string_view, 2> kPictureTypes = {"text", "image"};
  static constexpr std::array<std::string_view, 4> kResultTypes = {"text", "image", "document",
                                                                   "search_result"};

  Fields& fields_;
  MediaParts& media_;
  Json messages_ = Json::array();
  std::map<std::string, std::string> tool_names_;  // by the ids of calls
};

constexpr std::size_t kMostEdits = 64;

// Tools with a type and without a schema are Anthropic's own: some of them the client runs.
Json function_of(Fields& tool) {
  const std::string type = tool.text("type").value_or("custom");
  // A function is another API's tool, with its schema elsewhere.
  const bool is_custom = type == "custom" || type == "function";
  if (is_custom) tool.require("input_schema", "an object");
  if (is_custom || tool.has("input_schema")) return read_flat_function(tool, "input_schema");
  Json function = client_tool(type);
  if (!function.is_null()) function["name"] = required_tool_name(tool);
  return function;
}

void read_message_tool_choice(Fields& fields, ChatFields& chat) {
  bool none = false;
  fields.with_object("tool_choice", [&](Fields& choice) {
    static constexpr std::array<std::string_view, 4> kTypes = {"auto", "any", "tool", "none"};
    const std::string type = choice.one_of("type", kTypes, "auto");
    none = type == "none";
    chat.choice.must_call = type == "any" || type == "tool";
    if (type == "tool") chat.choice.names = {choice.required_text("name")};
    chat.choice.parallel = !choice.boolean("disable_parallel_tool_use", false);
  });
  settle_tool_choice(fields, "tool_choice", none, chat);
}

void read_effort(Fields& fields, Json& variables) {
  fields.with_object("output_config", [&](Fields& config) {
    if (const auto effort = config.text("effort")) set_effort(*effort, variables);
  });
}

// Nothing is ever cut from a conversation; an edit that cuts nothing is none.
void check_context_edits(Fields& fields) {
  const auto check = [](Fields& edit) {
    const std::string type = edit.required_text("type");
    const Json* const keep = edit.find("keep");
    if (type == "clear_thinking_20251015" && keep && *keep == "all") return;
    edit.fail("type", fmt::format("not supported: nothing is ever cut from a conversation; "
                                  "expected clear_thinking_20251015 that keeps all, found {}",
                                  shortened(type)));
  };
  fields.with_object("context_management", [&](Fields& management) {
    management.each_object("edits", kMostEdits, check);
  });
}

}  // namespace

ChatFields read_message_fields(Fields& fields) {
  ChatFields chat;
  MediaParts media;
  chat.request.messages = MessageReader(fields, media).run();
  chat.media = media.take();
  take_begun_answer(fields, chat.request);
  read_tools(fields, function_of, chat);
  read_thinking_fields(fields, chat);
  read_effort(fields, chat.request.variables);
  read_message_tool_choice(fields, chat);
  return chat;
}

GenerationOptions read_message_options(Fields& fields, const ServedModel& model) {
  static constexpr std::array kUnsupported = {
      UnsupportedField{"container", "this server runs no tools"},
      UnsupportedField{"mcp_servers", "this server runs no tools"},
  };
  refuse_unsupported(fields, kUnsupported);
  check_context_edits(fields);
  GenerationOptions options = read_shared_options(fields, model);
  options.max_tokens = fields.integer("max_tokens", 0, kMostTokens);
  options.stops = read_stops(fields, "stop_sequences");
  fields.integer("n", 1, 1);
  return options;
}

TextConstraint read_message_constraint(Fields& fields) {
  const Json* format = nullptr;
  fields.with_object("output_config", [&](Fields& config) { format = config.object("format"); });
  const Json* const older = fields.object("output_format");
  if (!format) return read_text_constraint(fields, older, "output_format");
  if (older) {
    fields.fail("output_format", "output_config.format asks for another form of the answer");
  }
  return read_text_constraint(fields, format, "output_config.format");
}

}  // namespace linnet::serve
