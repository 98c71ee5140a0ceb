#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "chat/chat_template.hpp"
#include "chat/output/output_parser.hpp"
#include "support/paths.hpp"

// A call of a tool that a real template writes must be the call that the parser reads. The
// templates are in ../shared/oracle/chat, which the project may not hold a copy of.

namespace linnet {
namespace {

using Json = nlohmann::ordered_json;

struct Case {
  const char* file;
  const char* format;
};

constexpr Case kCases[] = {
    {"Apertus-8B-Instruct", "apertus"},
    {"Apriel-1.6-15b-Thinker-fixed", "apriel"},
    {"Bielik-11B-v3.0-Instruct", "tool-call-tags"},
    {"ByteDance-Seed-OSS", "seed"},
    {"Cohere2MoE", "command-r"},
    {"CohereForAI-c4ai-command-r7b-12-2024-tool_use", "command-r"},
    {"GLM-4.6", "tool-call-tags"},
    {"GLM-4.7-Flash", "tool-call-tags"},
    {"GigaChat3.1-10B-A1.8B", "gigachat"},
    {"Kimi-K2-Instruct", "kimi"},
    {"Kimi-K2-Thinking", "kimi"},
    {"LFM2.5-8B-A1B", "lfm"},
    {"LFM2.5-Instruct", "lfm"},
    {"MiMo-VL", "tool-call-tags"},
    {"MiniMax-M2", "minimax"},
    {"MiniMax-M3", "minimax-m3"},
    {"Mistral-Small-3.2-24B-Instruct-2506", "mistral"},
    {"NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", "function-in-tags"},
    {"NVIDIA-Nemotron-Nano-v2", "nemotron"},
    {"NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use", "tool-call-tags"},
    {"NousResearch-Hermes-3-Llama-3.1-8B-tool_use", "tool-call-tags"},
    {"Qwen-QwQ-32B", "tool-call-tags"},
    {"Qwen-Qwen2.5-7B-Instruct", "tool-call-tags"},
    {"Qwen-Qwen3-0.6B", "tool-call-tags"},
    {"Qwen3-Coder", "function-in-tags"},
    {"Qwen3.5-4B", "function-in-tags"},
    {"Reka-Edge", "tool-call-tags"},
    {"StepFun3.5-Flash", "function-in-tags"},
    {"deepseek-ai-DeepSeek-V3.2", "deepseek-dsml"},
    {"deepseek-ai-DeepSeek-V4", "deepseek-dsml"},
    {"deepseek-ai-DeepSeek-V4-Flash-0731", "deepseek-dsml"},
    {"fireworks-ai-llama-3-firefunction-v2", "firefunction"},
    {"google-gemma-4-31B-it", "gemma"},
    {"google-gemma-4-31B-it-interleaved", "gemma"},
    {"ibm-granite-granite-4.0", "tool-call-tags"},
    {"ibm-granite-granite-4.1", "tool-call-tags"},
    {"meetkai-functionary-medium-v3.1", "functionary-3.1"},
    {"meetkai-functionary-medium-v3.2", "functionary-3.2"},
    {"meta-llama-Llama-3.1-8B-Instruct", "llama"},
    {"meta-llama-Llama-3.2-3B-Instruct", "llama"},
    {"meta-llama-Llama-3.3-70B-Instruct", "llama"},
    {"mistralai-Ministral-3-14B-Reasoning-2512", "mistral"},
    {"mistralai-Mistral-Nemo-Instruct-2407", "mistral"},
    {"moonshotai-Kimi-K2", "kimi"},
    {"openai-gpt-oss-120b", "harmony"},
    {"openbmb-MiniCPM5-1B", "minicpm"},
    {"poolside-Laguna-S-2.1", "tool-call-tags"},
    {"poolside-Laguna-XS-2.1", "tool-call-tags"},
    {"poolside-Laguna-XS.2", "tool-call-tags"},
    {"tencent-Hy3", "hunyuan"},
    {"unsloth-Apriel-1.5", "tool-calls-list"},
    {"unsloth-mistral-Devstral-Small-2507", "mistral"},
    {"upstage-Solar-Open-100B", "solar"},
};

const std::filesystem::path kFolder = test::in_repository("../shared/oracle/chat/templates");

Json tools() {
  return Json::parse(R"([{"type": "function", "function": {"name": "get_weather",
    "description": "The weather", "parameters": {"type": "object", "properties": {
      "city": {"type": "string", "description": "where"},
      "days": {"type": "integer", "description": "how many"}}, "required": ["city"]}}}])");
}

Json question() { return Json::parse(R"([{"role": "user", "content": "What is the weather?"}])"); }

Json question_and_call() {
  Json messages = question();
  messages.push_back(Json::parse(R"({"role": "assistant", "content": null, "tool_calls": [
    {"id": "abcdefghi", "type": "function",
     "function": {"name": "get_weather", "arguments": "{\"city\": \"Paris\", \"days\": 3}"}}]})"));
  return messages;
}

// What the model would have written: the end of the longer prompt, without the token at its end.
std::string answer_between(const std::string& asked, const std::string& answered) {
  std::size_t begin = 0;
  while (begin < std::min(asked.size(), answered.size()) && asked[begin] == answered[begin])
    ++begin;
  // A prompt that ends with <think> may share the first letters of another marker.
  const std::size_t marker = answered.rfind('<', begin - 1);
  if (begin < asked.size() && answered.find('>', marker) >= begin) begin = marker;
  std::string answer = answered.substr(begin);
  for (const char* stop : {"<EOS>", "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|message_sep|>",
                           "<|END_OF_TURN_TOKEN|>", "<|end|>\n", "[e~[", "<｜hy_eos"}) {
    answer = answer.substr(0, answer.find(stop));
  }
  return answer;
}

class RoundTripTest : public testing::TestWithParam<Case> {};

TEST_P(RoundTripTest, ReadsTheCallThatTheTemplateWrites) {
  const auto path = kFolder / (std::string(GetParam().file) + ".jinja");
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is absent";
  std::stringstream source;
  source << std::ifstream(path, std::ios::binary).rdbuf();
  const auto chat = ChatTemplate::create({{"", source.str()}}, {"<BOS>", "<EOS>"});
  ASSERT_TRUE(chat.ok()) << chat.error().message;
  const auto asked = chat->render({.messages = question(), .tools = tools()});
  const auto answered = chat->render(
      {.messages = question_and_call(), .tools = tools(), .add_generation_prompt = false});
  ASSERT_TRUE(asked.ok()) << asked.error().message;
  ASSERT_TRUE(answered.ok()) << answered.error().message;
  EXPECT_EQ(asked->output_format.family->name, GetParam().format);
  EXPECT_TRUE(asked->warnings.empty()) << asked->warnings[0];

  const std::string answer = answer_between(asked->text, answered->text);
  auto parser = make_output_parser(asked->output_format, {.tools = tools(), .id_seed = 1});
  std::vector<OutputEvent> events = parser->push(answer);
  for (OutputEvent& event : parser->finish()) events.push_back(std::move(event));
  const auto call = std::ranges::find(events, OutputEvent::Kind::kToolCall, &OutputEvent::kind);
  ASSERT_NE(call, events.end()) << answer;
  EXPECT_EQ(call->call.name, "get_weather");
  EXPECT_EQ(call->call.arguments, R"({"city":"Paris","days":3})");
  EXPECT_TRUE(std::ranges::none_of(events, [](const OutputEvent& event) {
    return event.kind == OutputEvent::Kind::kWarning;
  })) << answer;
}

INSTANTIATE_TEST_SUITE_P(RealTemplates, RoundTripTest, testing::ValuesIn(kCases),
                         [](const auto& info) {
                           std::string name = info.param.file;
                           std::ranges::replace_if(
                               name, [](char c) { return !std::isalnum(c); }, '_');
                           return name;
                         });

}  // namespace
}  // namespace linnet
