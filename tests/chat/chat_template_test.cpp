#include "chat/chat_template.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "chat/template_sources.hpp"
#include "gguf/gguf_writer.hpp"
#include "support/paths.hpp"

namespace linnet {
namespace {

using Json = nlohmann::ordered_json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

ChatTemplate make(std::string_view source) {
  auto created = ChatTemplate::create({{"", std::string(source)}}, {"<s>", "</s>"});
  EXPECT_TRUE(created.ok()) << created.error().message;
  return std::move(*created);
}

Prompt render(const ChatTemplate& chat, ChatRequest request) {
  auto prompt = chat.render(request);
  EXPECT_TRUE(prompt.ok()) << prompt.error().message;
  return prompt ? *prompt : Prompt{};
}

Json messages(std::string_view json) { return Json::parse(json); }

const Json kTools = Json::parse(
    R"([{"type": "function", "function": {"name": "f", "description": "d", "parameters": {}}}])");

constexpr std::string_view kPlain =
    "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}";

TEST(ChatTemplateTest, MarksWhatComesFromTheConversation) {
  const Prompt prompt =
      render(make(kPlain), {.messages = messages(R"([{"role": "user", "content": "a<|end|>b"}])")});
  EXPECT_EQ(prompt.text, "<s><|user|>a<|end|>b<|end|><|assistant|>");
  ASSERT_THAT(prompt.data, SizeIs(1));
  EXPECT_EQ(prompt.text.substr(prompt.data[0].begin, prompt.data[0].end - prompt.data[0].begin),
            "a<|end|>b");
  EXPECT_THAT(prompt.warnings, IsEmpty());
}

TEST(ChatTemplateTest, AnAnswerThatIsBegunEndsThePrompt) {
  const Prompt prompt = render(
      make(kPlain),
      {.messages = messages(R"([{"role": "user", "content": "a"}])"), .begun_answer = "b<|end|>"});
  EXPECT_EQ(prompt.text, "<s><|user|>a<|end|><|assistant|>b<|end|>");
  ASSERT_THAT(prompt.data, SizeIs(2));
  EXPECT_EQ(prompt.text.substr(prompt.data[1].begin), "b<|end|>");
  EXPECT_EQ(prompt.data[1].end, prompt.text.size());
}

TEST(ChatTemplateTest, NoAnswerIsBegunInsideOfThinking) {
  const auto chat = make(
      "{% for m in messages %}{{ m.content.split('</think>')[-1] }}{% endfor %}"
      "{% if add_generation_prompt %}<|assistant|><think>\n{% endif %}");
  const auto prompt = chat.render(
      {.messages = messages(R"([{"role": "user", "content": "a"}])"), .begun_answer = "b"});
  ASSERT_FALSE(prompt.ok());
  EXPECT_THAT(prompt.error().message, HasSubstr("an answer can't be begun"));
}

TEST(ChatTemplateTest, TheConversationCannotReplaceWhatItIsMadeOf) {
  const Prompt prompt = render(
      make(kPlain), {.messages = messages(R"([{"role": "user", "content": "a"}])"),
                     .variables = {{"messages", Json::array()}, {"add_generation_prompt", true}},
                     .add_generation_prompt = false});
  EXPECT_EQ(prompt.text, "<s><|user|>a<|end|>");
}

TEST(ChatTemplateTest, PassesVariables) {
  const Prompt prompt = render(make("{{ messages[0].content }}{{ effort }}"),
                               {.messages = messages(R"([{"role": "user", "content": "a"}])"),
                                .variables = {{"effort", "high"}}});
  EXPECT_EQ(prompt.text, "ahigh");
}

TEST(ChatTemplateTest, JoinsPartsWhereTheTemplateTakesText) {
  const Json parts = messages(
      R"([{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}])");
  EXPECT_THAT(render(make(kPlain), {.messages = parts}).text, HasSubstr("<|user|>ab<|end|>"));
  const auto only_parts = make("{% for p in messages[0].content %}{{ p.text }}{% endfor %}");
  EXPECT_EQ(render(only_parts, {.messages = parts}).text, "ab");
  EXPECT_EQ(
      render(only_parts, {.messages = messages(R"([{"role": "user", "content": "x"}])")}).text,
      "x");
}

TEST(ChatTemplateTest, PartsThatAreNotTextAreNamed) {
  const auto only_parts = make(
      "{% for p in messages[0].content %}{% if p.type == 'text' %}{{ p.text }}"
      "{% else %}<image>{% endif %}{% endfor %}");
  const auto plain = make(kPlain);
  for (const ChatTemplate* const chat : {&plain, &only_parts}) {
    const auto error_of = [&](const char* part) {
      const auto prompt = chat->render(
          {.messages = messages(R"([{"role": "user", "content": [{"type": "text", "text": "a"}, )" +
                                std::string(part) + "]}]")});
      return prompt ? "none" : prompt.error().message;
    };
    EXPECT_EQ(error_of(R"({"type": "image_url", "image_url": {"url": "data:"}})"),
              "messages[0].content[1]: expected a part of type text with its text, found "
              "\"image_url\"");
    EXPECT_THAT(error_of(R"({"type": "image", "text": "b"})"), HasSubstr("found \"image\""));
    EXPECT_THAT(error_of(R"({"type": "text"})"), HasSubstr("with its text"));
    EXPECT_THAT(error_of("5"), HasSubstr("found 5"));
  }
}

// They come so from clients of Anthropic's API.
TEST(ChatTemplateTest, PartsOfMessagesThatMoveAreText) {
  const Json conversation = messages(R"([
      {"role": "system", "content": [{"type": "text", "text": "Be "}, {"type": "text", "text": "brief."}]},
      {"role": "user", "content": "Hi"},
      {"role": "assistant", "content": [{"type": "text", "text": "I look."}],
       "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
      {"role": "tool", "tool_call_id": "1", "name": "f", "content": [{"type": "text", "text": "found"}]}])");
  const Prompt moved = render(make(builtin_template("gemma")), {.messages = conversation});
  EXPECT_THAT(moved.text, HasSubstr("user\nBe brief.\n\nHi<end_of_turn>"));
  EXPECT_THAT(moved.text, HasSubstr("I look.\n{\"tool_calls\":"));
  EXPECT_THAT(moved.text, HasSubstr("Result of f:\nfound<end_of_turn>"));
  const Prompt told =
      render(make(builtin_template("chatml")), {.messages = conversation, .tools = kTools});
  EXPECT_THAT(told.text, HasSubstr("system\nBe brief.\n\nYou can call these functions:"));
}

TEST(ChatTemplateTest, MovesASystemMessageThatHasNoPlace) {
  const Prompt prompt = render(
      make(builtin_template("gemma")),
      {.messages = messages(
           R"([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}])")});
  EXPECT_EQ(prompt.text,
            "<s><start_of_turn>user\nBe brief.\n\nHi<end_of_turn>\n<start_of_turn>model\n");
  ASSERT_THAT(prompt.warnings, SizeIs(1));
  EXPECT_THAT(prompt.warnings[0], HasSubstr("no place for a system message"));
}

TEST(ChatTemplateTest, ASystemMessageThatNoUserFollowsIsOneOfTheUser) {
  const auto gemma = make(builtin_template("gemma"));
  const std::string brief = "<start_of_turn>user\nBe brief.<end_of_turn>\n<start_of_turn>model\n";
  const Prompt alone =
      render(gemma, {.messages = messages(R"([{"role": "system", "content": "Be brief."}])")});
  EXPECT_EQ(alone.text, "<s>" + brief);
  EXPECT_THAT(alone.warnings, SizeIs(1));
  const Prompt last = render(gemma, {.messages = messages(R"([
      {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"},
      {"role": "system", "content": "Be brief."}])")});
  EXPECT_EQ(
      last.text,
      "<s><start_of_turn>user\na<end_of_turn>\n<start_of_turn>model\nb<end_of_turn>\n" + brief);
}

TEST(ChatTemplateTest, ASystemMessageMovesBeforeParts) {
  const auto chat = make(
      "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}{% endif %}"
      "{% for p in m.content %}[{{ p.text }}]{% endfor %}{% endfor %}");
  const Prompt prompt = render(chat, {.messages = messages(R"([
      {"role": "system", "content": "Be brief."},
      {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}])")});
  EXPECT_EQ(prompt.text, "[Be brief.\n\n][a][b]");
}

TEST(ChatTemplateTest, DescribesToolsWhereTheTemplateDoesNot) {
  const Prompt prompt =
      render(make(builtin_template("chatml")), {.messages = messages(
                                                    R"([{"role": "user", "content": "Hi"},
               {"role": "assistant", "content": null, "tool_calls": [{"id": "1", "type": "function",
                 "function": {"name": "f", "arguments": "{\"a\": 1}"}}]},
               {"role": "tool", "tool_call_id": "1", "name": "f", "content": "found"}])"),
                                                .tools = kTools});
  EXPECT_THAT(prompt.text, HasSubstr("<|im_start|>system\nYou can call these functions:\n[{"));
  EXPECT_THAT(prompt.text, HasSubstr("<|im_start|>assistant\n{\"tool_calls\":[{\"name\":\"f\""));
  EXPECT_THAT(prompt.text, HasSubstr("<|im_start|>user\nResult of f:\nfound<|im_end|>"));
  EXPECT_THAT(prompt.warnings, SizeIs(1));
  EXPECT_EQ(prompt.output_format.family->name, "generic");
}

constexpr std::string_view kWithCalls =
    "{{ tools|tojson if tools }}{% for m in messages %}{{ m.content }}"
    "{% for c in m.tool_calls or [] %}<tool_call>{{ c.function.name }}{{ ARGUMENTS }}</tool_call>"
    "{% endfor %}{% endfor %}";

std::string with_calls(std::string_view arguments) {
  std::string source(kWithCalls);
  return source.replace(source.find("ARGUMENTS"), 9, arguments);
}

TEST(ChatTemplateTest, GivesArgumentsTheFormThatIsShown) {
  for (const char* arguments : {R"("{\"a\":1}")", R"({"a":1})"}) {
    Json conversation = messages(
        R"([{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [{"id": "1",
             "type": "function", "function": {"name": "f"}}]}])");
    conversation[1]["tool_calls"][0]["function"]["arguments"] = Json::parse(arguments);
    const ChatRequest request{.messages = conversation, .tools = kTools};
    EXPECT_THAT(render(make(with_calls("c.function.arguments|tojson")), request).text,
                HasSubstr("<tool_call>f{\"a\": 1}</tool_call>"));
    EXPECT_THAT(render(make(with_calls("'' + c.function.arguments")), request).text,
                HasSubstr("<tool_call>f{\"a\":1}</tool_call>"));
    EXPECT_EQ(
        render(make(with_calls("c.function.arguments|tojson")), request).output_format.family->name,
        "tool-call-tags");
  }
}

TEST(ChatTemplateTest, ToolsAreTextForFirefunction) {
  const ChatTemplate chat =
      make("{# functools[ #}{{ functions + '|' + datetime + '|' }}" + std::string(kPlain));
  ChatRequest request{.messages = messages(R"([{"role": "user", "content": "a"}])"),
                      .tools = Json::parse(R"([{"type": "function", "function": {"name": "f"}}])"),
                      .now = std::tm{}};
  request.now->tm_mday = 2;
  request.now->tm_year = 125;
  const std::string end = "|2025-01-02 00:00:00|<s><|user|>a<|end|><|assistant|>";
  EXPECT_EQ(render(chat, request).text, "[\n    {\n        \"name\": \"f\"\n    }\n]" + end);
  request.variables = {{"functions", "others"}};
  EXPECT_THAT(render(chat, request).text, HasSubstr("\"name\": \"f\""));
  request.tools = nullptr;
  EXPECT_EQ(render(chat, request).text, "[]" + end);
}

TEST(ChatTemplateTest, ACallWithoutArgumentsHidesNoOther) {
  const Json conversation = messages(
      R"([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "", "tool_calls": [
           {"id": "1", "type": "function", "function": {"name": "f"}},
           {"id": "2", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}}]}])");
  EXPECT_THAT(render(make(with_calls("(c.function.arguments or 'none')|tojson")),
                     {.messages = conversation, .tools = kTools})
                  .text,
              HasSubstr("<tool_call>f\"none\"</tool_call><tool_call>f{\"a\": 1}</tool_call>"));
}

TEST(ChatTemplateTest, ChoosesANamedTemplate) {
  auto chat =
      ChatTemplate::create({{"", "plain {{ messages[0].content }}"},
                            {"tool_use", "tools {{ messages[0].content }}{{ tools|tojson }}"}},
                           {});
  ASSERT_TRUE(chat.ok());
  const Json one = messages(R"([{"role": "user", "content": "x"}])");
  EXPECT_EQ(render(*chat, {.messages = one}).text, "plain x");
  EXPECT_THAT(render(*chat, {.messages = one, .tools = kTools}).text, HasSubstr("tools x["));
  EXPECT_EQ(chat->render({.messages = one, .template_name = "rag"}).error().message,
            "the model has no chat template named rag");
}

TEST(ChatTemplateTest, ErrorsSayWhatIsWrong) {
  EXPECT_THAT(ChatTemplate::create({}, {}).error().message,
              HasSubstr("the file has no chat template; --chat-template names the one"));
  EXPECT_EQ(ChatTemplate::create({{"", "{% if %}"}}, {}).error().message,
            "chat template: template, line 1: expected an expression, found '%}'");
  const ChatTemplate chat = make(kPlain);
  EXPECT_EQ(chat.render({.messages = 3}).error().message, "messages: expected a list");
  EXPECT_EQ(chat.render({.messages = messages("[{}]")}).error().message,
            "messages[0]: expected an object with a role");
  EXPECT_EQ(
      chat.render({.messages = messages(R"([{"role": "user", "content": 3}])")}).error().message,
      "messages[0].content: expected text or parts");
  EXPECT_EQ(
      make("{{ messages[0].content }}{% if messages|length > 3 %}{{ raise_exception('long') }}"
           "{% endif %}")
          .render(
              {.messages = messages(
                   R"([{"role": "user"}, {"role": "user"}, {"role": "user"}, {"role": "user"}])")})
          .error()
          .message,
      "chat template, line 1: long");
}

// A message of Anthropic's API may hold any number of results, which all become messages. Each
// brought its part of the steps, so that a template which looks through all messages for each took
// 16 s for a body of 1 MiB, and four times as much for twice that.
TEST(ChatTemplateTest, MessagesWithoutEndBringNoStepsWithoutEnd) {
  const ChatTemplate chat = make(
      "{% set a = 'a' * 1000000 %}{% set b = 'a' * 1000000 %}"
      "{% for m in messages %}{% set _ = a == b %}{% endfor %}");
  const Json message = {{"role", "user"}, {"content", "x"}};
  EXPECT_TRUE(chat.render({.messages = Json(4096, message)}).ok());
  const auto prompt = chat.render({.messages = Json(30'000, message)});
  ASSERT_FALSE(prompt.ok());
  EXPECT_EQ(prompt.error().message,
            "chat template, line 1: the template takes more than 107400000 steps");
}

TEST(ChatTemplateTest, KnowsThatThePromptEndsInThinking) {
  const Prompt prompt = render(make("{{ messages[0].content }}<think>\n{# </think> #}"),
                               {.messages = messages(R"([{"role": "user", "content": "x"}])")});
  EXPECT_TRUE(prompt.ends_in_reasoning);
}

TEST(TemplateSourcesTest, ReadsFilesAndNames) {
  EXPECT_TRUE(find_chat_template("chatml").ok());
  EXPECT_THAT(
      find_chat_template("no-such").error().message,
      HasSubstr("no-such: neither a file nor one of the built-in templates (alpaca, chatml"));
  const auto path = std::filesystem::temp_directory_path() / "linnet_template_test.jinja";
  std::ofstream(path) << "{{ 1 }}";
  EXPECT_EQ(find_chat_template(path.string())->at(""), "{{ 1 }}");
  std::filesystem::remove(path);
}

TEST(TemplateSourcesTest, ReadsMetadata) {
  gguf::Writer writer;
  writer.add_string("tokenizer.chat_template", "a");
  writer.add_string("tokenizer.chat_template.tool_use", "b");
  writer.add_strings("tokenizer.chat_templates", std::vector<std::string>{"tool_use"});
  const auto path = std::filesystem::temp_directory_path() / "linnet_template_test.gguf";
  ASSERT_TRUE(writer.write(path, {}).ok());
  {
    const auto file = gguf::File::open(path);
    ASSERT_TRUE(file.ok()) << file.error().message;
    const auto sources = read_chat_templates(*file);
    ASSERT_TRUE(sources.ok()) << sources.error().message;
    EXPECT_EQ(*sources, (TemplateSources{{"", "a"}, {"tool_use", "b"}}));
  }
  std::filesystem::remove(path);
}

// They were rendered as that word, and what was said was lost.
TEST(TemplateSourcesTest, ANameInPlaceOfATemplateIsThatTemplate) {
  gguf::Writer writer;
  writer.add_string("tokenizer.chat_template", "rwkv-world\n");
  writer.add_string("tokenizer.chat_template.tool_use", " ");
  const auto path = std::filesystem::temp_directory_path() / "linnet_template_name_test.gguf";
  ASSERT_TRUE(writer.write(path, {}).ok());
  const auto sources = read_chat_templates(*gguf::File::open(path));
  std::filesystem::remove(path);
  ASSERT_TRUE(sources.ok());
  ASSERT_THAT(*sources, SizeIs(1));
  const Prompt prompt = render(make(sources->at("")), {.messages = messages(R"([
      {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi "}])")});
  EXPECT_EQ(prompt.text, "<s>System: Be brief.\n\nUser: Hi\n\nAssistant:");
}

// The built-in templates against what those of the families make.
struct Family {
  const char* builtin;
  const char* golden;
};

class BuiltinTest : public testing::TestWithParam<Family> {};

TEST_P(BuiltinTest, WritesAsTheFamilyDoes) {
  const auto path = test::in_repository("../shared/oracle/chat/families.json");
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is absent";
  std::ifstream file(path);
  for (const Json& entry : Json::parse(file)) {
    if (!entry["name"].get<std::string>().starts_with(GetParam().golden)) continue;
    const Json& data = entry["data"];
    auto chat = ChatTemplate::create(
        {{"", std::string(builtin_template(GetParam().builtin))}},
        {data["bos_token"].get<std::string>(), data["eos_token"].get<std::string>()});
    ASSERT_TRUE(chat.ok()) << chat.error().message;
    EXPECT_EQ(render(*chat, {.messages = data["messages"]}).text,
              entry["target"].get<std::string>());
    return;
  }
  FAIL() << "no family " << GetParam().golden;
}

INSTANTIATE_TEST_SUITE_P(
    Families, BuiltinTest,
    testing::Values(Family{"chatml", "teknium/OpenHermes"}, Family{"llama3", "Llama-3"},
                    Family{"mistral", "Mistral-Large-Instruct-2407"},
                    Family{"mistral-nemo", "Mistral-Nemo"},
                    Family{"mistral-v7", "mistralai/Mistral-Large-Instruct-2411"},
                    Family{"phi3", "Phi-3-small"}, Family{"phi4", "phi-4"},
                    Family{"deepseek2", "DeepSeek-V2"}, Family{"vicuna", "eachadea/vicuna"},
                    Family{"command-r", "CohereForAI/c4ai-command-r-plus"},
                    Family{"glm4", "ChatGLM4"}, Family{"granite", "ibm-granite/granite-3.0"},
                    Family{"openchat", "openchat/"}),
    [](const auto& info) {
      std::string name = info.param.builtin;
      std::erase(name, '-');
      return name;
    });

TEST(BuiltinTest, AllOfThemRender) {
  for (const std::string_view name : builtin_template_names()) {
    const Prompt prompt =
        render(make(builtin_template(name)),
               {.messages = messages(
                    R"([{"role": "system", "content": "sys"}, {"role": "user", "content": "usr"},
                 {"role": "assistant", "content": "ans"}, {"role": "user", "content": "again"}])")});
    for (const char* part : {"sys", "usr", "ans", "again"}) {
      EXPECT_THAT(prompt.text, HasSubstr(part)) << name;
    }
  }
}

}  // namespace
}  // namespace linnet
