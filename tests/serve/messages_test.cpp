#include <gmock/gmock.h>

#include "serve/serving.hpp"

namespace linnet {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

class Messages : public testing::Test {
 protected:
  static Json question() {
    return {{"messages", Json::array({{{"role", "user"}, {"content", "Who made the heaven?"}}})},
            {"max_tokens", 16},
            {"temperature", 0}};
  }
  test::Serving serving{{}, 4096, test::kToolTemplate, 2048};
};

TEST_F(Messages, AnswerIsAMessage) {
  const auto reply = serving.post("/v1/messages", question());
  ASSERT_EQ(reply.status, 200) << reply.body;
  const Json json = reply.json();
  EXPECT_EQ(json["type"], "message");
  EXPECT_EQ(json["role"], "assistant");
  ASSERT_EQ(json["content"].size(), 1u);
  EXPECT_EQ(json["content"][0]["type"], "text");
  EXPECT_EQ(json["stop_reason"], "max_tokens");
  EXPECT_EQ(json["usage"]["output_tokens"], 16);
  EXPECT_GT(json["timings"]["total_s"], 0.0);
  const Json chat = serving.post("/v1/chat/completions", question()).json();
  EXPECT_EQ(json["content"][0]["text"], chat["choices"][0]["message"]["content"]);
}

TEST_F(Messages, UsageTellsWhatTheCacheHeld) {
  Json body = question();
  std::string text;
  for (int i = 0; i < 20; ++i) text += "And the children of Israel went up. ";
  body["system"] = text;
  const auto usage_of = [&] { return serving.post("/v1/messages", body).json()["usage"]; };
  const Json first = usage_of(), second = usage_of();
  EXPECT_EQ(first["cache_read_input_tokens"], 0);
  EXPECT_GE(second["cache_read_input_tokens"], 64);
  EXPECT_EQ(second["input_tokens"].get<int>() + second["cache_read_input_tokens"].get<int>(),
            first["input_tokens"]);
  body.erase("max_tokens");
  EXPECT_EQ(serving.post("/v1/messages/count_tokens", body).json()["input_tokens"],
            first["input_tokens"]);
}

// What Claude Code and the clients of Anthropic send; none of it changes an answer.
TEST_F(Messages, WhatChangesNothingIsAccepted) {
  const Json content = serving.post("/v1/messages", question()).json()["content"];
  Json body = question();
  body.update(Json::parse(R"({"metadata": {"user_id": "u"}, "service_tier": "auto",
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}})"));
  const auto reply = serving.post("/v1/messages", body);
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.json()["content"], content);
}

TEST_F(Messages, EditsThatCutAreRefused) {
  for (const char* const edit :
       {R"({"type": "clear_tool_uses_20250919"})", R"({"type": "clear_thinking_20251015"})",
        R"({"type": "clear_thinking_20251015", "keep": {"type": "thinking_turns", "value": 1}})"}) {
    Json body = question();
    body["context_management"] = {{"edits", {Json::parse(edit)}}};
    const auto reply = serving.post("/v1/messages", body);
    EXPECT_EQ(reply.status, 400) << edit;
    EXPECT_THAT(reply.json()["error"]["message"].get<std::string>(),
                HasSubstr("context_management.edits[0].type: not supported: nothing is ever cut"));
  }
}

// The blocks of a stream: each begins, grows and ends before the next one.
std::vector<Json> blocks_of(const test::HttpReply& reply) {
  std::vector<Json> blocks;
  bool is_open = false, is_signed = false;
  std::string input;  // of a call, in pieces
  for (const Json& event : test::events_of(reply)) {
    if (event["type"] == "content_block_start") {
      EXPECT_FALSE(is_open);
      EXPECT_EQ(event["index"], blocks.size());
      blocks.push_back(event["content_block"]);
      is_open = true;
    } else if (event["type"] == "content_block_delta") {
      EXPECT_TRUE(is_open);
      EXPECT_EQ(event["index"], blocks.size() - 1);
      const Json& delta = event["delta"];
      is_signed = delta["type"] == "signature_delta";
      for (const char* const member : {"text", "thinking"}) {
        if (!delta.contains(member)) continue;
        blocks.back()[member] =
            blocks.back()[member].get<std::string>() + delta[member].get<std::string>();
      }
      if (delta.contains("partial_json")) input += delta["partial_json"].get<std::string>();
    } else if (event["type"] == "content_block_stop") {
      if (!input.empty()) blocks.back()["input"] = Json::parse(std::exchange(input, {}));
      EXPECT_TRUE(std::exchange(is_open, false));
      // Last of all, as clients expect it.
      EXPECT_EQ(is_signed, blocks.back()["type"] == "thinking");
    }
  }
  EXPECT_FALSE(is_open);
  return blocks;
}

TEST_F(Messages, StreamHasTheSameBlocks) {
  Json body = question();
  body["max_tokens"] = 200;
  const Json whole = serving.post("/v1/messages", body).json();
  body["stream"] = true;
  const auto reply = serving.post("/v1/messages", body);
  EXPECT_THAT(reply.body, HasSubstr("event: message_start\ndata: "));
  EXPECT_THAT(reply.body, HasSubstr("event: message_stop\ndata: "));
  EXPECT_EQ(Json(blocks_of(reply)), whole["content"]);
  const auto events = test::events_of(reply);
  EXPECT_EQ(events[events.size() - 2]["delta"]["stop_reason"], whole["stop_reason"]);
  EXPECT_EQ(events[events.size() - 2]["usage"]["output_tokens"], whole["usage"]["output_tokens"]);
}

TEST(MessageThinking, IsABlockOfItsOwn) {
  const test::Serving serving({}, 4096, test::kThinkingTemplate);
  Json body = {{"messages", {{{"role", "user"}, {"content", "Who?"}}}}, {"max_tokens", 16}};
  const auto type_of_answer = [&](const char* thinking) {
    body["thinking"] = {{"type", thinking}};
    const Json json = serving.post("/v1/messages", body).json();
    return json.at("content").at(0).at("type").get<std::string>();
  };
  EXPECT_EQ(type_of_answer("enabled"), "thinking");
  EXPECT_EQ(type_of_answer("disabled"), "text");
  body["thinking"] = {{"type", "enabled"}};
  body["stream"] = true;
  const auto blocks = blocks_of(serving.post("/v1/messages", body));
  ASSERT_EQ(blocks.size(), 1u);
  EXPECT_FALSE(blocks[0].at("thinking").get<std::string>().empty());
  body["stream"] = false;
  EXPECT_EQ(serving.post("/v1/messages", body).json()["content"][0]["signature"], "");
}

// The model of the tests would think without end.
TEST(MessageThinking, EndsWhereItsBudgetDoes) {
  const test::Serving serving({}, 4096, test::kThinkingTemplate);
  Json body = {{"messages", {{{"role", "user"}, {"content", "Who?"}}}},
               {"max_tokens", 60},
               {"temperature", 0},
               {"thinking", {{"type", "enabled"}, {"budget_tokens", 10}}}};
  const Json content = serving.post("/v1/messages", body).json().at("content");
  ASSERT_EQ(content.size(), 2u) << content;
  EXPECT_EQ(content[0]["type"], "thinking");
  EXPECT_EQ(content[1]["type"], "text");
  body["thinking"]["budget_tokens"] = 60;
  const Json longer = serving.post("/v1/messages", body).json().at("content");
  ASSERT_EQ(longer.size(), 1u) << longer;
  EXPECT_THAT(longer[0]["thinking"].get<std::string>(),
              testing::StartsWith(content[0]["thinking"].get<std::string>()));
  body["stream"] = true;
  body["thinking"]["budget_tokens"] = 10;
  EXPECT_EQ(blocks_of(serving.post("/v1/messages", body))[1]["text"], content[1]["text"]);
  body["max_tokens"] = 200;
  body["output_config"]["format"] = Json::parse(R"({"type": "json_schema", "schema":
    {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"],
     "additionalProperties": false}})");
  const auto blocks = blocks_of(serving.post("/v1/messages", body));
  ASSERT_EQ(blocks.size(), 2u);
  EXPECT_TRUE(Json::parse(blocks[1]["text"].get<std::string>())["ok"].is_boolean());
}

TEST_F(Messages, AToolMustBeUsed) {
  Json body = question();
  body["max_tokens"] = 200;
  body["tools"] = {{{"name", "get_time"}, {"input_schema", Json::parse(R"({"type": "object",
    "properties": {"zone": {"enum": ["UTC"]}}, "required": ["zone"],
    "additionalProperties": false})")}}};
  body["tool_choice"] = {
      {"type", "tool"}, {"name", "get_time"}, {"disable_parallel_tool_use", true}};
  const Json json = serving.post("/v1/messages", body).json();
  ASSERT_EQ(json["stop_reason"], "tool_use");
  ASSERT_EQ(json["content"].size(), 1u);
  EXPECT_EQ(json["content"][0]["type"], "tool_use");
  EXPECT_EQ(json["content"][0].at("name"), "get_time");
  EXPECT_EQ(json["content"][0].at("input"), Json({{"zone", "UTC"}}));
  body["stream"] = true;
  const std::vector<Json> blocks = blocks_of(serving.post("/v1/messages", body));
  ASSERT_EQ(blocks.size(), 1u);
  EXPECT_EQ(blocks[0].at("input"), Json({{"zone", "UTC"}}));
}

// Anthropic's models know these without a schema.
TEST_F(Messages, ToolsThatClientsRunBecomeFunctions) {
  Json body = question();
  body["max_tokens"] = 200;
  body["tools"] = {{{"type", "bash_20250124"}, {"name", "bash"}},
                   {{"type", "text_editor_20250728"}, {"name", "str_replace_based_edit_tool"}}};
  body["tool_choice"] = {{"type", "tool"}, {"name", "bash"}, {"disable_parallel_tool_use", true}};
  body["temperature"] = 1;
  body["seed"] = 5;
  const auto reply = serving.post("/v1/messages", body);
  ASSERT_EQ(reply.status, 200) << reply.body;
  const Json json = reply.json();
  EXPECT_FALSE(json.contains("warnings")) << json;
  EXPECT_EQ(json["content"][0]["name"], "bash") << json;
  EXPECT_GT(json["usage"]["input_tokens"].get<int>() +
                json["usage"]["cache_read_input_tokens"].get<int>(),
            300);
}

TEST_F(Messages, ToolsOfTheServiceAreLeftOutWithAWarning) {
  Json body = question();
  const Json without = serving.post("/v1/messages", body).json();
  body["tools"] = {{{"type", "web_search_20250305"}, {"name", "web_search"}},
                   {{"type", "computer_20250124"}, {"name", "computer"}}};
  const auto reply = serving.post("/v1/messages", body);
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.json()["content"], without["content"]);
  ASSERT_EQ(reply.json()["warnings"].size(), 2u) << reply.body;
  EXPECT_THAT(reply.json()["warnings"][0].get<std::string>(),
              HasSubstr("tools[0] is left out: this server runs no tools of its own, and "
                        "web_search_20250305 is no function"));
}

TEST_F(Messages, ConversationsWithToolsBecomePrompts) {
  const Json body = Json::parse(R"({"system": [{"type": "text", "text": "Be brief."}],
    "messages": [
      {"role": "user", "content": [{"type": "text", "text": "Time?"}]},
      {"role": "assistant", "content": [
        {"type": "thinking", "thinking": "hm", "signature": ""},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "t1", "name": "get_time", "input": {"zone": "UTC"}}]},
      {"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": "t1", "content": "12:00"},
        {"type": "text", "text": "So?"}]}]})");
  const Json openai = Json::parse(R"({"messages": [
      {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Time?"},
      {"role": "assistant", "content": "I look.", "reasoning_content": "hm", "tool_calls": [
        {"id": "t1", "type": "function",
         "function": {"name": "get_time", "arguments": "{\"zone\":\"UTC\"}"}}]},
      {"role": "tool", "tool_call_id": "t1", "content": "12:00"},
      {"role": "user", "content": "So?"}]})");
  const auto prompt = serving.post("/apply-template", openai).json()["prompt"].get<std::string>();
  EXPECT_THAT(prompt, HasSubstr("<tool_call>"));
  EXPECT_EQ(serving.post("/v1/messages/count_tokens", body).json()["input_tokens"],
            serving.post("/tokenize", {{"content", prompt}}).json()["tokens"].size());
}

// Newer clients tell the model of the system between the turns.
TEST_F(Messages, TheSystemMaySpeakWithinTheConversation) {
  const Json body = Json::parse(R"({"messages": [
      {"role": "user", "content": "Time?"},
      {"role": "system", "content": [{"type": "text", "text": "It is late."}]},
      {"role": "user", "content": "So?"}]})");
  Json openai = body;
  openai["messages"][1]["content"] = "It is late.";
  const auto prompt = serving.post("/apply-template", openai).json()["prompt"].get<std::string>();
  EXPECT_THAT(prompt, HasSubstr("<|im_start|>system\nIt is late.<|im_end|>"));
  EXPECT_EQ(serving.post("/v1/messages/count_tokens", body).json()["input_tokens"],
            serving.post("/tokenize", {{"content", prompt}}).json()["tokens"].size());
  Json wrong = body;
  wrong["messages"][1]["content"][0] = {{"type", "tool_use"}, {"id", "a"}, {"name", "b"}};
  EXPECT_THAT(serving.post("/v1/messages/count_tokens", wrong).body,
              HasSubstr("messages[1].content[0].type: expected text in a message of the system"));
}

TEST_F(Messages, DocumentsAndSearchResultsAreText) {
  const auto tokens_of = [&](const Json& content) {
    const Json body = {{"messages", {{{"role", "user"}, {"content", content}}}}};
    const auto reply = serving.post("/v1/messages/count_tokens", body);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.json()["input_tokens"];
  };
  EXPECT_EQ(
      tokens_of(Json::parse(R"([
                {"type": "document", "title": "Notes", "context": "of a friend", "source":
                  {"type": "text", "media_type": "text/plain", "data": "All is well."}},
                {"type": "document", "source": {"type": "content", "content": [
                  {"type": "text", "text": "One."}, {"type": "text", "text": "Two."}]}},
                {"type": "search_result", "title": "Lily", "source": "http://a.b", "content": [
                  {"type": "text", "text": "A girl."}]},
                {"type": "text", "text": "So?"}])")),
      tokens_of("Notes\nof a friend\nAll is well.\nOne.\nTwo.\nLily\nhttp://a.b\nA girl.\nSo?"));
}

TEST_F(Messages, DocumentsThatAreNoTextAreRefused) {
  const auto error_of = [&](const char* source) {
    const Json block = {{"type", "document"}, {"source", Json::parse(source)}};
    Json body = question();
    body["messages"][0]["content"] = Json::array({block});
    const auto reply = serving.post("/v1/messages", body);
    EXPECT_EQ(reply.status, 400) << reply.body;
    return reply.json()["error"]["message"].get<std::string>();
  };
  EXPECT_THAT(error_of(R"({"type": "base64", "media_type": "application/pdf", "data": "aaaa"})"),
              HasSubstr("this server reads no PDF: send its text"));
  EXPECT_THAT(error_of(R"({"type": "url", "url": "http://a.b/c.pdf"})"),
              HasSubstr("messages[0].content[0].source.type: this server fetches nothing"));
}

TEST_F(Messages, AStopSequenceIsNamed) {
  Json body = question();
  body["max_tokens"] = 60;
  const auto text =
      serving.post("/v1/messages", body).json()["content"][0]["text"].get<std::string>();
  body["stop_sequences"] = {"no such text", text.substr(8, 5)};
  const Json json = serving.post("/v1/messages", body).json();
  EXPECT_EQ(json["stop_reason"], "stop_sequence");
  EXPECT_EQ(json["stop_sequence"], text.substr(8, 5));
}

// As Anthropic's API has it: the answer goes on where the last message ends.
// The fields that all endpoints have for that are not passed over here.
TEST_F(Messages, AFormHoldsTheText) {
  const auto text_with = [&](const Json& fields) {
    Json body = question();
    body.update(fields);
    return serving.post("/v1/messages", body).json()["content"][0]["text"];
  };
  const Json yes = {{"type", "json_schema"}, {"schema", {{"enum", {"yes"}}}}};
  EXPECT_EQ(text_with({{"grammar", "root ::= \"yes\""}}), "yes");
  EXPECT_EQ(text_with({{"json_schema", {{"enum", {"yes"}}}}}), "\"yes\"");
  EXPECT_EQ(text_with({{"output_config", {{"format", yes}}}}), "\"yes\"");
  EXPECT_EQ(text_with({{"output_config", {{"effort", "low"}}}, {"output_format", yes}}), "\"yes\"");
}

TEST_F(Messages, AnAnswerHasOneForm) {
  const Json yes = {{"type", "json_schema"}, {"schema", {{"enum", {"yes"}}}}};
  Json body = question();
  body["output_format"] = yes;
  body["grammar"] = "root ::= \"yes\"";
  EXPECT_THAT(serving.post("/v1/messages", body).body,
              HasSubstr("grammar: output_format.schema asks for another form of the answer"));
  body["output_config"] = {{"format", yes}};
  body.erase("grammar");
  EXPECT_THAT(serving.post("/v1/messages", body).body,
              HasSubstr("output_format: output_config.format asks for another form"));
}

TEST_F(Messages, TheLastMessageOfTheAssistantBeginsTheAnswer) {
  Json body = question();
  const auto text_of = [](const Json& json) {
    return json["content"][0]["text"].get<std::string>();
  };
  const std::string whole = text_of(serving.post("/v1/messages", body).json());
  const std::string begun = whole.substr(0, whole.find(' ', 8));
  body["messages"].push_back(
      {{"role", "assistant"}, {"content", {{{"type", "text"}, {"text", begun}}}}});
  body["max_tokens"] = 4;
  const std::string rest = text_of(serving.post("/v1/messages", body).json());
  EXPECT_THAT(whole, testing::StartsWith(begun + rest));
}

TEST_F(Messages, EffortReachesTheTemplate) {
  Json body = question();
  body["output_config"] = {{"effort", 5}};
  EXPECT_EQ(serving.post("/v1/messages", body).status, 400);
  body["output_config"] = {{"effort", "low"}};
  EXPECT_EQ(serving.post("/v1/messages", body).status, 200);
}

TEST_F(Messages, EffortNoneIsNoThinking) {
  const test::Serving thinking({}, 4096, test::kThinkingTemplate);
  const auto prompt_tokens = [&](const Json& fields) {
    Json body = question();
    body.update(fields);
    return thinking.post("/v1/messages/count_tokens", body).json().at("input_tokens").get<int>();
  };
  const int without = prompt_tokens({{"thinking", {{"type", "disabled"}}}});
  EXPECT_NE(without, prompt_tokens(Json::object()));
  EXPECT_EQ(without, prompt_tokens({{"output_config", {{"effort", "none"}}}}));
}

TEST_F(Messages, ErrorsHaveAnthropicsShape) {
  const auto refused = [&](const Json& fields, const char* path) {
    Json body = question();
    body.update(fields);
    const auto reply = serving.post("/v1/messages", body);
    EXPECT_EQ(reply.status, 400) << reply.body;
    EXPECT_EQ(reply.json()["type"], "error");
    EXPECT_EQ(reply.json()["error"]["type"], "invalid_request_error");
    EXPECT_THAT(reply.json()["error"]["message"].get<std::string>(), testing::StartsWith(path));
  };
  refused({{"messages", 5}}, "messages:");
  refused({{"messages", {5}}}, "messages[0]:");
  refused({{"messages", {{{"role", "robot"}, {"content", "a"}}}}}, "messages[0].role:");
  refused({{"messages", {{{"role", "user"}}}}}, "messages[0].content:");
  refused({{"messages", {{{"role", "user"}, {"content", {{{"type", "image"}}}}}}}},
          "messages[0].content[0].source:");
  refused({{"messages", {{{"role", "user"}, {"content", {{{"type", "sound"}}}}}}}},
          "messages[0].content[0].type:");
  refused({{"messages", {{{"role", "user"}, {"content", {{{"type", "text"}}}}}}}},
          "messages[0].content[0].text:");
  refused({{"system", 5}}, "system:");
  refused({{"tools", {{{"name", "a"}}}}}, "tools[0].input_schema:");
  refused({{"tools", {{{"type", "function"}, {"function", {{"name", "a"}}}}}}},
          "tools[0].input_schema:");
  refused({{"tool_choice", {{"type", "any"}}}}, "tool_choice:");
  refused({{"thinking", {{"type", "never"}}}}, "thinking.type:");
  refused({{"stop_sequences", {1}}}, "stop_sequences[0]:");
  refused({{"max_tokens", 5000}}, "input length and `max_tokens` exceed context limit: ");
  refused({{"system", std::string(40'000, 'a')}}, "prompt is too long: ");
  refused({{"mcp_servers", {{{"url", "a"}}}}}, "mcp_servers:");
  refused({{"container", "a"}}, "container:");
  refused({{"n", 2}}, "n: expected 1,");
  refused({{"messages",
            {{{"role", "user"}, {"content", "a"}},
             {{"role", "assistant"},
              {"content", {{{"type", "tool_use"}, {"id", "a"}, {"name", "b"}}}}}}}},
          "messages[1]:");
  Json body = question();
  body["model"] = "claude";
  const auto reply = serving.post("/v1/messages", body);
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(reply.json()["error"]["type"], "not_found_error");
}

}  // namespace
}  // namespace linnet
