#include "chat/conversation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "chat/chat_template.hpp"

namespace linnet {
namespace {

using Json = nlohmann::ordered_json;
using testing::HasSubstr;

std::string render(std::string_view source, ChatRequest request) {
  const auto chat = ChatTemplate::create({{"", std::string(source)}}, {"<s>", "</s>"});
  EXPECT_TRUE(chat.ok()) << chat.error().message;
  const auto prompt = chat->render(request);
  EXPECT_TRUE(prompt.ok()) << prompt.error().message;
  return prompt ? prompt->text : "";
}

const Json kQuestion = Json::parse(R"([{"role": "user", "content": "Hi"}])");

// OpenAI's API asks for no more than the name of a tool.
TEST(ConversationTest, ToolsGetWhatTheTemplateFailsWithout) {
  const std::string begin =
      "{% for m in messages %}{{ m.content }}{% endfor %}"
      "{% for t in tools or [] %}{% set f = t.function %}";
  const std::string careful = begin + "{{ f | tojson }}{% endfor %}";
  const std::string careless = begin +
                               "{{ '[' + f.name + ':' + f.description + ']' }}"
                               "{% for k, v in f.parameters.properties.items() %}"
                               "{{ k + ':' + v.description }}{% endfor %}{% endfor %}";
  const auto shown = [](const std::string& source, const char* function) {
    const Json tool = {{"type", "function"}, {"function", Json::parse(function)}};
    return render(source, {.messages = kQuestion, .tools = Json::array({tool})});
  };
  EXPECT_EQ(shown(careful, R"({"name": "f"})"), R"(Hi{"name": "f"})");
  EXPECT_EQ(shown(careless, R"({"name": "f"})"), "Hi[f:]");
  EXPECT_EQ(shown(careless, R"({"name": "f", "description": null, "parameters": null})"), "Hi[f:]");
  EXPECT_EQ(shown(careless, R"({"name": "f", "description": "d", "parameters": {}})"), "Hi[f:d]");
  EXPECT_EQ(shown(careless, R"({"name": "f", "parameters": {"properties": {"a": {}}}})"),
            "Hi[f:]a:");
}

// `shows` writes the thinking of an assistant's message m.
std::string thinking_template(const std::string& shows) {
  return "{{ tools }}{% for m in messages %}<{{ m.role }}>{% if m.role == 'assistant' %}" + shows +
         "{% for c in m.tool_calls or [] %}[{{ c.function.name }}{{ c.function.arguments | tojson "
         "}}]{% endfor %}{% else %}{{ m.content }}{% endif %}{% endfor %}";
}

Json thought_and_called(const char* content) {
  Json messages = Json::parse(R"([{"role": "user", "content": "Hi"},
      {"role": "assistant", "reasoning_content": "Hm", "tool_calls": [{"id": "1",
       "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
      {"role": "tool", "tool_call_id": "1", "content": "ok"}])");
  messages[1]["content"] = content;
  return messages;
}

TEST(ConversationTest, ThinkingHasTheNameThatTheTemplateReads) {
  for (const std::string name : {"reasoning_content", "thinking", "reasoning"}) {
    const std::string source =
        thinking_template("{{ m." + name + " if m." + name + " }}|{{ m.content }}");
    EXPECT_THAT(render(source, {.messages = thought_and_called("I look.")}),
                HasSubstr("<assistant>Hm|I look.[f{}]<tool>ok"))
        << name;
  }
  EXPECT_THAT(render(thinking_template("{{ m.content }}"), {.messages = thought_and_called("")}),
              HasSubstr("<assistant>[f{}]"));
}

// As gpt-oss has it.
TEST(ConversationTest, ThinkingTakesTheContentThatMayNotStandBesideIt) {
  const std::string source = thinking_template(
      "{% if m.tool_calls and m.content and m.thinking %}{{ raise_exception('both') }}{% endif %}"
      "{{ m.thinking }}|{{ m.content }}");
  EXPECT_THAT(render(source, {.messages = thought_and_called("")}),
              HasSubstr("<assistant>Hm|[f{}]"));
  EXPECT_THAT(render(source, {.messages = thought_and_called("I look.")}),
              HasSubstr("<assistant>Hm\n\nI look.|[f{}]"));
}

// As Ministral has it.
TEST(ConversationTest, ThinkingMayBeAPart) {
  const std::string source = thinking_template(
      "{% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}"
      "{% if p.type == 'thinking' %}[THINK]{{ p.thinking }}[/THINK]{% elif p.type == 'text' %}"
      "{{ p.text }}{% else %}{{ raise_exception('part') }}{% endif %}{% endfor %}{% endif %}");
  EXPECT_THAT(render(source, {.messages = thought_and_called("I look.")}),
              HasSubstr("<assistant>[THINK]Hm[/THINK]I look.[f{}]"));
  EXPECT_THAT(render(source, {.messages = thought_and_called("")}),
              HasSubstr("<assistant>[THINK]Hm[/THINK][f{}]"));
}

// Granite's templates show results, but no calls.
TEST(ConversationTest, CallsAreWrittenAsTheFamilyWritesThem) {
  const std::string source =
      "{{ tools }}{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}";
  Json messages = thought_and_called("I look.");
  messages[1]["tool_calls"][0]["function"]["arguments"] = R"({"a": "b", "c": 1})";
  const auto shown = [&](const std::string& sign) {
    return render("{# " + sign + " #}" + source,
                  {.messages = messages,
                   .tools = Json::parse(R"([{"type": "function", "function": {"name": "f"}}])")});
  };
  EXPECT_THAT(shown("<|tool_call|>"),
              HasSubstr("I look.\n<|tool_call|>[{\"name\": \"f\", \"arguments\": "
                        "{\"a\":\"b\",\"c\":1}}]<tool>ok"));
  EXPECT_THAT(shown("List of tools: ["),
              HasSubstr("<|tool_call_start|>[f(a=\"b\", c=1)]<|tool_call_end|><tool>ok"));
}

// Gemma 4's first template knows no role of results.
TEST(ConversationTest, ResultsStandWithTheCallsWhereTheTemplateHasThemThere) {
  const std::string source = thinking_template("{{ m.content }}") +
                             "{% for m in messages %}"
                             "{% for r in m.tool_responses or [] %}({{ r.name }}:{{ r.response | "
                             "tojson }}){% endfor %}{% endfor %}";
  Json messages = thought_and_called("");
  EXPECT_THAT(render(source, {.messages = messages}),
              testing::EndsWith("<assistant>[f{}](f:\"ok\")"));
  messages[2]["content"] = R"({"t": 1})";
  EXPECT_THAT(render(source, {.messages = messages}), testing::EndsWith("(f:{\"t\": 1})"));
  EXPECT_THAT(render(thinking_template("{{ m.content }}"), {.messages = messages}),
              testing::EndsWith("[f{}]<tool>{\"t\": 1}"));
}

// The description of the form that a model is told shows an object.
TEST(ConversationTest, CallsInTheGenericFormHaveObjects) {
  EXPECT_THAT(render("{% for m in messages %}{{ m.content }}{% endfor %}",
                     {.messages = thought_and_called("")}),
              HasSubstr(R"({"tool_calls":[{"name":"f","arguments":{}}]})"));
}

TEST(ConversationTest, CallsInTheGenericFormBeginWithTheName) {
  Json messages = thought_and_called("");
  messages[1]["tool_calls"][0]["function"] = {{"arguments", R"({"a":1})"}, {"name", "f"}};
  EXPECT_THAT(render("{% for m in messages %}{{ m.content }}{% endfor %}", {.messages = messages}),
              HasSubstr(R"({"tool_calls":[{"name":"f","arguments":{"a":1}}]})"));
}

}  // namespace
}  // namespace linnet
