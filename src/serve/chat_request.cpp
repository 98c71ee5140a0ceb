#include "serve/chat_request.hpp"

#include <fmt/format.h>

namespace linnet::serve {
namespace {

constexpr std::size_t kMostMessages = 4096;
constexpr std::size_t kMostTools = 256;

void check_messages(Fields& fields, const Json& messages) {
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const std::string name = fmt::format("messages[{}]", i);
    if (!messages[i].is_object()) return fields.fail_type(name, "an object", messages[i]);
    const auto role = messages[i].find("role");
    if (role == messages[i].end()) return fields.fail(name, "expected a field role");
    if (!role->is_string()) return fields.fail_type(name + ".role", "a string", *role);
  }
}

void read_tools(Fields& fields, ChatRequest& chat) {
  const Json* const tools = fields.array("tools", kMostTools);
  const Json* const choice = fields.find("tool_choice");
  if (choice && *choice != "none" && *choice != "auto") {
    fields.fail("tool_choice", "this server supports only none and auto yet");
  }
  if (tools && !(choice && *choice == "none")) chat.tools = *tools;
}

}  // namespace

ChatRequest read_chat_request(Fields& fields) {
  ChatRequest chat;
  const Json* const messages = fields.array("messages", kMostMessages);
  if (messages && !messages->empty()) {
    check_messages(fields, *messages);
    chat.messages = *messages;
  } else {
    fields.fail("messages", "expected an array with at least one message");
  }
  read_tools(fields, chat);
  chat.variables = Json::object();
  if (const Json* const variables = fields.object("chat_template_kwargs")) {
    chat.variables = *variables;
  }
  if (const auto effort = fields.text("reasoning_effort")) {
    chat.variables["reasoning_effort"] = *effort;
  }
  return chat;
}

std::variant<std::vector<TokenId>, ApiError> read_tokens(const Json& array, std::string_view path,
                                                         std::int64_t vocabulary) {
  std::vector<TokenId> ids;
  ids.reserve(array.size());
  for (std::size_t i = 0; i < array.size(); ++i) {
    const Json& id = array[i];
    const bool fits =
        id.is_number_unsigned() && id.get<std::uint64_t>() < static_cast<std::uint64_t>(vocabulary);
    if (!fits) {
      const std::string param = fmt::format("{}[{}]", path, i);
      const std::string found = id.is_number() ? dump(id) : std::string(id.type_name());
      return invalid_request(
          fmt::format("{}: expected a token id below {}, found {}", param, vocabulary, found),
          param);
    }
    ids.push_back(id.get<TokenId>());
  }
  return ids;
}

}  // namespace linnet::serve
