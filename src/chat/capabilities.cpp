#include "chat/capabilities.hpp"

namespace linnet {
namespace {

using Json = nlohmann::ordered_json;

// Words that no template has of its own.
constexpr const char* kNeedle = "wrenlet";
constexpr const char* kTool = "find_wrenlet";
constexpr const char* kArgument = "feather";
constexpr const char* kValue = "plumage";

bool shows(const Result<std::string>& text, std::string_view needle) {
  return text && text->find(needle) != std::string::npos;
}

Json user_message() { return {{"role", "user"}, {"content", kNeedle}}; }

Json tool() {
  const Json property = {{"type", "string"}, {"description", "which one"}};
  Json parameters = {{"type", "object"}};
  parameters["properties"] = Json{{kArgument, property}};
  parameters["required"] = Json::array({kArgument});
  const Json function = {
      {"name", kTool}, {"description", "Finds one."}, {"parameters", parameters}};
  return {{"type", "function"}, {"function", function}};
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

}  // namespace

Capabilities probe_capabilities(const TryRender& render) {
  const Json tools = Json::array({tool()});
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

  result.tools = shows(render(Json::array({user_message()}), tools), kTool) ||
                 shows(render(Json::array({system, user_message()}), tools), kTool);

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
  return result;
}

}  // namespace linnet
