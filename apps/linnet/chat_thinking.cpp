#include "linnet/chat_thinking.hpp"

#include <array>

namespace linnet::app {
namespace {

Result<std::string> render_with(const ChatTemplate& chat_template, const char* name, bool value) {
  ChatRequest request;
  request.messages = {{{"role", "user"}, {"content", "a"}}};
  request.variables = {{name, value}};
  request.now.emplace();  // the same for both
  request.now->tm_mday = 1;
  const auto prompt = chat_template.render(request);
  if (!prompt) return prompt.error();
  return prompt->text;
}

}  // namespace

std::string thinking_variable(const ChatTemplate& chat_template) {
  // Qwen's, GLM's and most others', and that of DeepSeek and Granite.
  constexpr std::array kNames = {"enable_thinking", "thinking"};
  for (const char* const name : kNames) {
    const auto with = render_with(chat_template, name, true);
    const auto without = render_with(chat_template, name, false);
    if (with && without && *with != *without) return name;
  }
  return {};
}

}  // namespace linnet::app
