#include "chat/capabilities.hpp"

namespace linnet {
namespace {

using Json = nlohmann::ordered_json;

// Words that no template has of its own.
constexpr const char* kNeedle = "wrenlet";
constexpr const char* kTool = "find_wrenlet";
constexpr const char* kArgument = "feather";
constexpr const char* kValue = "plumage";
constexpr const char* kThought = "nestling";

bool shows(const Result<std::string>& text, std::string_view needle) {
  return text && text->find(needle) != std::string::npos;
}

Json user_message() { return {{"role", "user"}, {"content", kNeedle}}; }

Json tool_list(const Json& function) {
  const Json tool = {{"type", "function"}, {"function", function}};
  return Json::array({tool});
}

Json tool_list_with(const Json& property) {
  Json parameters = {{"type", "object"}};
  parameters["properties"] = Json{{kArgument, property}};
  parameters["required"] = Json::array({kArgument});
  return tool_list({{"name", kTool}, {"description", "Finds one."}, {"parameters", parameters}});
}

// A conversation in which the tool was called.
Json conversation_with_call(const Json& arguments, const Json& content) {
  const Json function = {{"name", kTool}, {"arguments", arguments}};
  const Json call = {{"id", "call00001"}, {"type", "function"}, {"function", function}};
  Json assistant = {{"role", "assistant"}, {"content", content}};
  assistant["tool_calls"] = Json::array({call});
  const Json result = {
      {"role", "tool"}, {"tool_call_id", "call00001"}, {"name", kTool}, {"content", "found"}};
  return Json::array({user_message(), assistant, result});
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

// Where results are another turn like one of any role, a template may know another way.
bool takes_tool_responses(const TryRender& render, const Json& tools, Json with_call) {
  constexpr const char* kNoRole = "egret";
  const auto usual = render(with_call, tools);
  with_call[2]["role"] = kNoRole;
  const auto other = render(with_call, tools);
  if (!usual || !other || replaced(*other, kNoRole, "tool") != *usual) return false;
  with_call.erase(2);
  const Json response = {{"name", kTool}, {"response", kThought}};
  with_call[1]["tool_responses"] = Json::array({response});
  return shows(render(with_call, tools), kThought);
}

// Thinking before a call, or in an answer: many templates drop that of earlier turns.
bool shows_thinking(const TryRender& render, const Json& tools, Json with_call,
                    const Json& thinking) {
  with_call[1].update(thinking);
  if (shows(render(with_call, tools), kThought)) return true;
  Json answer = {{"role", "assistant"}, {"content", "an answer"}};
  answer.update(thinking);
  return shows(render(Json::array({user_message(), answer, user_message()}), nullptr), kThought);
}

void probe_thinking(const TryRender& render, const Json& tools, const Json& with_call,
                    Capabilities& result) {
  for (const std::string_view key : {"reasoning_content", "thinking", "reasoning"}) {
    if (!shows_thinking(render, tools, with_call, {{key, kThought}})) continue;
    result.thinking_key = key;
    Json both = with_call;
    both[1]["content"] = "I look.";
    both[1][std::string(key)] = kThought;
    result.thinking_beside_content = render(both, tools).ok() || !render(with_call, tools).ok();
    return;
  }
  const Json part = {{"type", "thinking"}, {"thinking", kThought}};
  const Json text = {{"type", "text"}, {"text", "an answer"}};
  const Json content = {{"content", Json::array({part, text})}};
  Json others = content;
  others["content"][0]["type"] = "wren";
  result.thinking_part = shows_thinking(render, tools, with_call, content) &&
                         !shows_thinking(render, tools, with_call, others);
}

}  // namespace

Capabilities probe_capabilities(const TryRender& render) {
  const Json tools = tool_list_with({{"type", "string"}, {"description", "which one"}});
  // Some templates are for conversations with tools only.
  const auto render_any = [&](const Json& messages) {
    auto text = render(messages, nullptr);
    return text ? text : render(messages, tools);
  };
  Capabilities result;
  result.text_content = shows(render_any(Json::array({user_message()})), kNeedle);

  const Json part = {{"type", "text"}, {"text", kNeedle}};
  const Json with_parts = {{"role", "user"}, {"content", Json::array({part})}};
  const auto parts = render_any(Json::array({with_parts}));
  result.part_content =
      shows(parts, kNeedle) && !shows(parts, "'type'") && !shows(parts, "\"type\"");

  const Json system = {{"role", "system"}, {"content", "a nest"}};
  result.system_message = shows(render_any(Json::array({system, user_message()})), "a nest");

  const auto shows_tool = [&](const Json& some) {
    return shows(render(Json::array({user_message()}), some), kTool) ||
           shows(render(Json::array({system, user_message()}), some), kTool);
  };
  result.tools = shows_tool(tools);
  result.bare_tools = shows_tool(tool_list({{"name", kTool}}));
  result.bare_parameters = shows_tool(tool_list_with({{"type", "string"}}));

  const Json arguments = {{kArgument, kValue}};
  const std::string python_form = std::string("'") + kArgument + "': '" + kValue;
  const auto objects = render(conversation_with_call(arguments, ""), tools);
  result.object_arguments = shows(objects, kValue) && !shows(objects, python_form);
  const auto texts = render(conversation_with_call(arguments.dump(), ""), tools);
  result.text_arguments = shows(texts, arguments.dump());

  const Json best = result.object_arguments ? arguments : Json(arguments.dump());
  const auto without_content = render(conversation_with_call(best, nullptr), tools);
  const auto with_empty_content = render(conversation_with_call(best, ""), tools);
  result.null_content =
      without_content && with_empty_content && *without_content == *with_empty_content;
  const Json answer = {{"role", "assistant"}, {"content", "an answer"}};
  const Json found = {{"role", "tool"}, {"tool_call_id", "call00001"}, {"content", kThought}};
  result.tool_results =
      shows(render(Json::array({user_message(), answer, found}), tools), kThought);
  result.tool_responses = takes_tool_responses(render, tools, conversation_with_call(best, ""));
  probe_thinking(render, tools, conversation_with_call(best, ""), result);
  return result;
}

}  // namespace linnet
