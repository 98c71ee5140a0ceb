#include "serve/requests/response_input.hpp"

#include <fmt/format.h>

#include <array>

#include "base/utf8.hpp"
#include "serve/requests/chat_request.hpp"

namespace linnet::serve {
namespace {

// Turns the items of one request. Thinking and calls belong to the assistant's message around them.
class InputReader {
 public:
  InputReader(Fields& fields, MediaParts& media) : fields_(fields), media_(media) {}

  Json run() {
    if (const auto instructions = fields_.text("instructions")) {
      messages_.push_back({{"role", "system"}, {"content", *instructions}});
    }
    const Json* const input = fields_.find("input");
    if (input && input->is_string()) {
      messages_.push_back({{"role", "user"}, {"content", *input}});
      return std::move(messages_);
    }
    if (input && !input->is_array()) fields_.fail_type("input", "a string or an array", *input);
    const Json* const items = fields_.array("input", kMostMessages);
    if (!items || items->empty()) {
      fields_.fail("input", "expected a string or an array with at least one item");
    }
    fields_.each_object("input", kMostMessages, [&](Fields& item) { add_item(item); });
    return std::move(messages_);
  }

 private:
  void add_item(Fields& item) {
    const std::string type = item.text("type").value_or("message");
    if (type == "message") {
      add_message(item);
    } else if (type == "function_call") {
      const std::string id = item.required_text("call_id"), name = item.required_text("name");
      assistant()["tool_calls"].push_back(
          {{"id", id},
           {"type", "function"},
           {"function", {{"name", name}, {"arguments", item.required_text("arguments")}}}});
    } else if (type == "function_call_output") {
      messages_.push_back({{"role", "tool"},
                           {"tool_call_id", item.required_text("call_id")},
                           {"content", content_of(item, "output", "tool")}});
    } else if (type == "reasoning") {
      add_reasoning(item);
    } else {
      refuse_item(item, type);
    }
  }

  static void refuse_item(Fields& item, std::string_view type) {
    static constexpr std::string_view kExpected =
        "expected message, function_call, function_call_output or reasoning";
    item.fail("type",
              type == "item_reference"
                  ? "this server keeps no items; send the item itself instead of item_reference"
                  : fmt::format("{}, found {}; what another kind of tool was asked and said can be "
                                "sent as function_call and function_call_output",
                                kExpected, shortened(type)));
  }

  void add_message(Fields& item) {
    static constexpr std::array<std::string_view, 4> kRoles = {"user", "assistant", "system",
                                                               "developer"};
    const std::string role = item.required_one_of("role", kRoles);
    Json content = content_of(item, "content", role);
    if (role == "assistant" && is_assistant_open()) {
      messages_.back()["content"] = std::move(content);
    } else {
      messages_.push_back(
          {{"role", role == "developer" ? "system" : role}, {"content", std::move(content)}});
    }
  }

  void add_reasoning(Fields& item) {
    item.each_object("content", kMostMessages, [&](Fields& part) {
      append_text(part.required_text("text"), assistant()["reasoning_content"]);
    });
  }

  // The assistant's message that goes on: it has no content yet.
  bool is_assistant_open() const {
    return !messages_.empty() && messages_.back()["role"] == "assistant" &&
           messages_.back()["content"].is_null();
  }
  Json& assistant() {
    if (!messages_.empty() && messages_.back()["role"] == "assistant") return messages_.back();
    messages_.push_back({{"role", "assistant"}, {"content", nullptr}});
    return messages_.back();
  }

  // A text, or the parts of a message of `role`.
  Json content_of(Fields& item, std::string_view name, std::string_view role) {
    const Json* const field = item.find(name);
    if (field && field->is_string()) return *field;
    item.require(name, "a string or an array");
    if (field && !field->is_array()) item.fail_type(name, "a string or an array", *field);
    Json content = Json::array();
    item.each_object(name, kMostMessages,
                     [&](Fields& part) { content.push_back(part_of(part, role)); });
    return content;
  }

  Json part_of(Fields& part, std::string_view role) {
    static constexpr std::array<std::string_view, 5> kTypes = {"input_text", "output_text", "text",
                                                               "refusal", "input_image"};
    const std::string type = part.one_of("type", kTypes, "input_text");
    if (type != "input_image") {
      return {{"type", "text"},
              {"text", part.required_text(type == "refusal" ? "refusal" : "text")}};
    }
    if (role != "user" && role != "tool") part.fail("type", std::string(kNoMediaHere));
    if (part.has("file_id")) {
      part.fail("file_id", "this server keeps no files; send a data: URL in image_url");
    }
    part.text("detail");
    return media_.from_url(part, "image_url");
  }

  Fields& fields_;
  MediaParts& media_;
  Json messages_ = Json::array();
};

}  // namespace

Json read_response_input(Fields& fields, MediaParts& media) {
  return InputReader(fields, media).run();
}

}  // namespace linnet::serve
