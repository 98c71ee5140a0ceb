#include "chat/thinking_switch.hpp"

#include <string>
#include <utility>

namespace linnet {

std::optional<bool> usual_thinking(const ChatTemplate& chat,
                                   const nlohmann::ordered_json& variables) {
  ChatRequest request;
  request.messages = {{{"role", "user"}, {"content", "Hello"}}};
  request.now.emplace();  // the same each time
  request.now->tm_mday = 1;
  const auto usual = variables.is_null() ? nlohmann::ordered_json::object() : variables;
  const auto prompt = [&](std::optional<bool> thinking) -> std::optional<std::string> {
    request.variables = usual;
    if (thinking) request.variables["enable_thinking"] = *thinking;
    auto rendered = chat.render(request);
    if (!rendered) return std::nullopt;
    return std::move(rendered->text);
  };
  const auto on = prompt(true), off = prompt(false);
  if (!on || !off || on == off) return std::nullopt;
  return prompt(std::nullopt) == on;
}

}  // namespace linnet
