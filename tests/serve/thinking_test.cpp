// Whether and how long an answer thinks, by the names that servers have for it.

#include <gmock/gmock.h>

#include "serve/serving.hpp"

namespace linnet {
namespace {

using Json = nlohmann::json;
using testing::StartsWith;

// The model would think without end.
Json question() {
  return {{"messages", {{{"role", "user"}, {"content", "Who?"}}}},
          {"max_tokens", 60},
          {"temperature", 0},
          {"chat_template_kwargs", {{"enable_thinking", true}}}};
}

class ThinkingFields : public testing::Test {
 protected:
  static Json message_of(const test::Serving& serving, const Json& fields,
                         const char* path = "/v1/chat/completions") {
    Json body = question();
    body.update(fields);
    const auto reply = serving.post(path, body);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.json()["choices"][0]["message"];
  }
  Json message_of(const Json& fields) const { return message_of(serving, fields); }
  std::string prompt_of(Json fields) const {
    fields["messages"] = question()["messages"];
    const auto reply = serving.post("/apply-template", fields);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.json()["prompt"];
  }
  Json error_of(const Json& fields, const char* path = "/v1/chat/completions") const {
    Json body = question();
    body.update(fields);
    const auto reply = serving.post(path, body);
    EXPECT_EQ(reply.status, 400) << reply.body;
    return reply.json()["error"];
  }

  test::Serving serving{{}, 4096, test::kThinkingTemplate};
};

TEST_F(ThinkingFields, ABudgetHasManyNames) {
  const Json unbounded = message_of(Json::object());
  EXPECT_EQ(unbounded["content"], "");
  Json expected;
  for (const char* const name : {"thinking_budget_tokens", "reasoning_budget_tokens",
                                 "thinking_token_budget", "thinking_budget"}) {
    const Json message = message_of({{name, 10}});
    if (expected.is_null()) expected = message;
    EXPECT_EQ(message, expected) << name;
    EXPECT_EQ(message_of({{name, -1}}), unbounded) << name;
    EXPECT_EQ(error_of({{name, "long"}})["param"], name);
  }
  EXPECT_NE(expected["content"], "");
  EXPECT_THAT(unbounded["reasoning_content"].get<std::string>(),
              StartsWith(expected["reasoning_content"].get<std::string>()));
  EXPECT_EQ(message_of({{"reasoning", {{"max_tokens", 10}}}}), expected);
  EXPECT_EQ(message_of({{"thinking", {{"type", "enabled"}, {"budget_tokens", 10}}}}), expected);
}

TEST_F(ThinkingFields, ABudgetOfNothingIsNoThinking) {
  const Json message = message_of({{"reasoning_budget_tokens", 0}});
  EXPECT_FALSE(message.contains("reasoning_content")) << message;
  EXPECT_NE(message["content"], "");
}

TEST_F(ThinkingFields, TheServersBudgetIsForRequestsThatSayNothing) {
  const test::Serving bounded({}, 4096, test::kThinkingTemplate, 512, test::kBundledModel, "",
                              nullptr, /*thinking_tokens=*/10);
  EXPECT_EQ(message_of(bounded, Json::object()), message_of({{"thinking_budget_tokens", 10}}));
  EXPECT_EQ(message_of(bounded, {{"thinking_budget_tokens", -1}}), message_of(Json::object()));
  EXPECT_EQ(message_of(bounded, {{"thinking_budget_tokens", 20}}),
            message_of({{"thinking_budget_tokens", 20}}));
}

TEST_F(ThinkingFields, ResponsesAndMessagesHaveThemToo) {
  Json body = {{"input", "Who?"},
               {"max_output_tokens", 60},
               {"temperature", 0},
               {"enable_thinking", true},
               {"thinking_budget_tokens", 10}};
  const Json output = serving.post("/v1/responses", body).json()["output"];
  ASSERT_EQ(output.size(), 2u) << output;
  EXPECT_EQ(output[0]["type"], "reasoning");
  Json message = question();
  message["thinking_token_budget"] = 10;
  EXPECT_EQ(serving.post("/v1/messages", message).json()["content"].size(), 2u);
}

TEST_F(ThinkingFields, ThinkingIsSwitchedByManyNames) {
  const std::string usual = prompt_of(Json::object());
  const std::string on = prompt_of({{"chat_template_kwargs", {{"enable_thinking", true}}}});
  const std::string off = prompt_of({{"chat_template_kwargs", {{"enable_thinking", false}}}});
  ASSERT_NE(on, off);
  ASSERT_NE(usual, off);
  EXPECT_EQ(prompt_of({{"enable_thinking", true}}), on);
  EXPECT_EQ(prompt_of({{"enable_thinking", false}}), off);
  EXPECT_EQ(prompt_of({{"thinking", {{"type", "enabled"}}}}), on);
  EXPECT_EQ(prompt_of({{"thinking", {{"type", "disabled"}}}}), off);
  EXPECT_EQ(prompt_of({{"reasoning", {{"enabled", true}}}}), on);
  EXPECT_EQ(prompt_of({{"reasoning", {{"enabled", false}}}}), off);
  EXPECT_EQ(prompt_of({{"reasoning", {{"effort", "none"}}}}), off);
  EXPECT_EQ(prompt_of({{"reasoning_effort", "none"}}), off);
  EXPECT_EQ(prompt_of({{"reasoning", {{"effort", "high"}}}}), usual + "Effort: high\n");
  EXPECT_EQ(prompt_of({{"reasoning_effort", "high"}}), usual + "Effort: high\n");
}

// As llama.cpp's server has it.
TEST_F(ThinkingFields, ThinkingMayStandInTheText) {
  const Json apart = message_of({{"thinking_budget_tokens", 10}});
  const Json fields = {{"thinking_budget_tokens", 10}, {"reasoning_format", "none"}};
  const Json together = message_of(fields);
  EXPECT_FALSE(together.contains("reasoning_content"));
  EXPECT_EQ(together["content"].get<std::string>(),
            "<think>\n" + apart["reasoning_content"].get<std::string>() + "\n</think>\n\n" +
                apart["content"].get<std::string>());
  EXPECT_EQ(message_of({{"thinking_budget_tokens", 10}, {"reasoning_format", "deepseek"}}), apart);
  Json body = question();
  body.update(fields);
  body["stream"] = true;
  std::string streamed;
  for (const Json& event : test::events_of(serving.post("/v1/chat/completions", body))) {
    streamed += event["choices"][0]["delta"].value("content", "");
  }
  EXPECT_EQ(streamed, together["content"]);
}

TEST_F(ThinkingFields, WhatIsNotThereIsNamed) {
  EXPECT_EQ(error_of({{"reasoning_format", "deepseek-legacy"}})["param"], "reasoning_format");
  EXPECT_EQ(error_of({{"reasoning", {{"exclude", true}}}})["param"], "reasoning.exclude");
  EXPECT_EQ(error_of({{"enable_thinking", "yes"}})["param"], "enable_thinking");
  EXPECT_EQ(error_of({{"thinking", {{"type", "maybe"}}}})["param"], "thinking.type");
}

// Fields of other servers that would change an answer, and their values that would not.
TEST_F(ThinkingFields, FieldsOfOtherServersAreRefusedWhereTheyAskForSomething) {
  const Json neutral = {{"adaptive_target", -1.0},
                        {"adaptive_decay", 0.9},
                        {"parse_tool_calls", true},
                        {"grammar_lazy", false},
                        {"skip_special_tokens", true},
                        {"return_token_ids", false},
                        {"return_tokens_as_token_ids", false},
                        {"include_reasoning", true},
                        {"reasoning_budget_message", ""}};
  EXPECT_EQ(message_of(neutral), message_of(Json::object()));
  const Json asking = {{"parse_tool_calls", false},
                       {"grammar_lazy", true},
                       {"skip_special_tokens", false},
                       {"return_token_ids", true},
                       {"return_tokens_as_token_ids", true},
                       {"include_reasoning", false},
                       {"reasoning_budget_message", "Enough."}};
  for (const auto& [name, value] : asking.items()) {
    EXPECT_EQ(error_of({{name, value}})["param"], name);
  }
}

}  // namespace
}  // namespace linnet
