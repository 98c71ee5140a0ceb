#include <gmock/gmock.h>

#include "serve/serving.hpp"

namespace linnet {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

class Responses : public testing::Test {
 protected:
  static Json question() {
    return {{"input", "Who made the heaven?"}, {"max_output_tokens", 16}, {"temperature", 0}};
  }
  test::Serving serving{{}, 4096, test::kToolTemplate, 2048};
};

TEST_F(Responses, AnswerHasItems) {
  Json body = question();
  body["metadata"] = {{"key", "value"}};
  const auto reply = serving.post("/v1/responses", body);
  ASSERT_EQ(reply.status, 200) << reply.body;
  const Json json = reply.json();
  EXPECT_EQ(json["object"], "response");
  EXPECT_EQ(json["status"], "incomplete");
  EXPECT_EQ(json["incomplete_details"]["reason"], "max_output_tokens");
  EXPECT_EQ(json["metadata"]["key"], "value");
  ASSERT_EQ(json["output"].size(), 1u);
  EXPECT_EQ(json["output"][0]["content"][0]["type"], "output_text");
  EXPECT_EQ(json["usage"]["output_tokens"], 16);
  EXPECT_TRUE(json["usage"]["input_tokens_details"].contains("cached_tokens"));
  const Json chat = serving
                        .post("/v1/chat/completions",
                              {{"messages", {{{"role", "user"}, {"content", body["input"]}}}},
                               {"max_tokens", 16},
                               {"temperature", 0}})
                        .json();
  EXPECT_EQ(json["output"][0]["content"][0]["text"], chat["choices"][0]["message"]["content"]);
}

// Puts the items together from the events of a stream, as clients do.
Json output_of(const test::HttpReply& reply) {
  Json output = Json::array();
  int number = 0;
  for (const Json& event : test::events_of(reply)) {
    EXPECT_EQ(event["sequence_number"], number++) << event;
    const auto type = event["type"].get<std::string>();
    if (type == "response.output_item.added") {
      EXPECT_EQ(event["output_index"], output.size());
      output.push_back(event["item"]);
    } else if (type == "response.content_part.added") {
      output.back()["content"].push_back(event["part"]);
    } else if (type == "response.output_text.delta" || type == "response.reasoning_text.delta") {
      EXPECT_EQ(event["item_id"], output.back()["id"]);
      Json& part = output.back()["content"][0];
      part["text"] = part["text"].get<std::string>() + event["delta"].get<std::string>();
      if (event.contains("logprobs")) {
        for (const Json& of : event["logprobs"]) part["logprobs"].push_back(of);
      }
    } else if (type == "response.function_call_arguments.delta") {
      output.back()["arguments"] =
          output.back()["arguments"].get<std::string>() + event["delta"].get<std::string>();
    } else if (type == "response.output_item.done") {
      output.back()["status"] = event["item"]["status"];
      EXPECT_EQ(event["item"], output.back());
    }
  }
  return output;
}

// Ids are new in each answer.
Json without_ids(Json output) {
  for (Json& item : output) item.erase("id");
  return output;
}

TEST(ResponseStream, HasTheSameItems) {
  const test::Serving serving({}, 4096, test::kThinkingTemplate);
  Json body = {{"input", "Who made the heaven?"}, {"max_output_tokens", 16}, {"temperature", 0}};
  body["include"] = {"message.output_text.logprobs"};
  for (const bool thinks : {false, true}) {
    body["chat_template_kwargs"] = {{"enable_thinking", thinks}};
    body["stream"] = false;
    const Json whole = serving.post("/v1/responses", body).json();
    EXPECT_EQ(whole["output"][0]["type"], thinks ? "reasoning" : "message");
    const int thought = whole["usage"]["output_tokens_details"]["reasoning_tokens"];
    EXPECT_EQ(thought > 8, thinks) << thought;
    body["stream"] = true;
    const auto reply = serving.post("/v1/responses", body);
    EXPECT_EQ(without_ids(output_of(reply)), without_ids(whole["output"]));
    const Json last = test::events_of(reply).back();
    EXPECT_EQ(last["type"], "response.incomplete");
    EXPECT_EQ(last["response"]["usage"]["output_tokens"], 16);
  }
}

TEST_F(Responses, AFunctionMustBeCalled) {
  Json body = question();
  body["max_output_tokens"] = 200;
  body["tools"] = {Json::parse(R"({"type": "function", "name": "get_time", "parameters":
    {"type": "object", "properties": {"zone": {"enum": ["UTC"]}}, "required": ["zone"],
     "additionalProperties": false}})")};
  body["tool_choice"] = {{"type", "function"}, {"name", "get_time"}};
  body["parallel_tool_calls"] = false;
  const Json json = serving.post("/v1/responses", body).json();
  EXPECT_EQ(json["status"], "completed");
  ASSERT_EQ(json["output"].size(), 1u);
  ASSERT_EQ(json["output"][0]["type"], "function_call");
  EXPECT_EQ(json["output"][0].at("name"), "get_time");
  EXPECT_EQ(Json::parse(json["output"][0].at("arguments").get<std::string>())["zone"], "UTC");
  body["tool_choice"] = {{"type", "allowed_tools"},
                         {"mode", "required"},
                         {"tools", {{{"type", "function"}, {"name", "get_time"}}}}};
  EXPECT_EQ(serving.post("/v1/responses", body).json()["output"][0]["arguments"],
            json["output"][0]["arguments"]);
  body["stream"] = true;
  EXPECT_EQ(output_of(serving.post("/v1/responses", body))[0]["arguments"],
            json["output"][0]["arguments"]);
}

TEST_F(Responses, TextFormatHoldsTheText) {
  Json body = question();
  body["max_output_tokens"] = 100;
  body["text"] = {{"format", Json::parse(R"({"type": "json_schema", "name": "a", "schema":
    {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"],
     "additionalProperties": false}})")}};
  const Json json = serving.post("/v1/responses", body).json();
  EXPECT_EQ(json["status"], "completed");
  EXPECT_TRUE(
      Json::parse(json["output"][0]["content"][0]["text"].get<std::string>())["ok"].is_boolean());
}

TEST_F(Responses, AGrammarHoldsTheText) {
  Json body = question();
  body["grammar"] = "root ::= \"yes\"";
  const Json json = serving.post("/v1/responses", body).json();
  EXPECT_EQ(json["output"][0]["content"][0]["text"], "yes");
  body["text"] = {{"format", {{"type", "json_object"}}}};
  EXPECT_EQ(serving.post("/v1/responses", body).json()["error"]["param"], "grammar");
}

TEST_F(Responses, ItemsBecomePrompts) {
  const Json body = Json::parse(R"({"instructions": "Be brief.", "max_output_tokens": 1, "input": [
    {"role": "user", "content": [{"type": "input_text", "text": "Time?"}]},
    {"type": "reasoning", "id": "r", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
    {"type": "function_call", "call_id": "t1", "name": "get_time", "arguments": "{\"zone\":\"UTC\"}"},
    {"type": "function_call_output", "call_id": "t1", "output": "12:00"},
    {"role": "user", "content": "So?"}]})");
  const Json openai = Json::parse(R"({"messages": [
      {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Time?"},
      {"role": "assistant", "content": "I look.", "tool_calls": [{"id": "t1", "type": "function",
        "function": {"name": "get_time", "arguments": "{\"zone\":\"UTC\"}"}}]},
      {"role": "tool", "tool_call_id": "t1", "content": "12:00"},
      {"role": "user", "content": "So?"}]})");
  const auto prompt = serving.post("/apply-template", openai).json()["prompt"].get<std::string>();
  const auto reply = serving.post("/v1/responses", body);
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.json()["usage"]["input_tokens"],
            serving.post("/tokenize", {{"content", prompt}}).json()["tokens"].size());
}

TEST_F(Responses, WrongFieldsAreNamed) {
  const auto refused = [&](const Json& fields, const char* param) {
    Json body = question();
    body.update(fields);
    const auto reply = serving.post("/v1/responses", body);
    EXPECT_EQ(reply.status, 400) << reply.body;
    EXPECT_EQ(reply.json()["error"]["param"], param);
  };
  refused({{"input", 5}}, "input");
  refused({{"input", Json::array()}}, "input");
  refused({{"input", {5}}}, "input[0]");
  refused({{"input", {{{"type", "computer_call"}}}}}, "input[0].type");
  refused({{"input", {{{"role", "user"}, {"content", {{{"type", "input_image"}}}}}}}},
          "input[0].content[0].image_url");
  refused({{"input", {{{"role", "user"}, {"content", {{{"type", "input_sound"}}}}}}}},
          "input[0].content[0].type");
  refused({{"input", {{{"type", "function_call"}}}}}, "input[0].call_id");
  refused({{"previous_response_id", "resp_1"}}, "previous_response_id");
  refused({{"truncation", "last"}}, "truncation");
  refused({{"include", {"message.output_text.logprob"}}}, "include");
  refused({{"text", {{"verbosity", 5}}}}, "text.verbosity");
  refused({{"background", true}}, "background");
  refused({{"context_management", {{{"type", "compaction"}}}}}, "context_management");
  refused({{"tools", {{{"name", "web_search"}}}}}, "tools[0].type");
  refused({{"tools", {{{"type", "function"}}}}}, "tools[0].name");
  refused({{"text", {{"format", {{"type", "xml"}}}}}}, "text.format.type");
  refused({{"reasoning", {{"effort", 5}}}}, "reasoning.effort");
  refused({{"max_output_tokens", "all"}}, "max_output_tokens");
  refused({{"prompt", {{"id", "a"}}}}, "prompt");
  refused({{"n", 2}}, "n");
  refused({{"metadata", {{"a", std::string((1 << 20) + 1, 'a')}}}}, "metadata");
  refused({{"stop", 5}}, "stop");
}

// Codex sends web_search with every request.
TEST_F(Responses, ToolsOfTheServiceAreLeftOutWithAWarning) {
  Json body = question();
  const Json function = Json::parse(R"({"type": "function", "name": "get_time"})");
  body["tools"] = {function};
  const Json without = serving.post("/v1/responses", body).json();
  body["tools"] = {{{"type", "web_search"}}, function, {{"type", "custom"}, {"name", "patch"}}};
  const Json with = serving.post("/v1/responses", body).json();
  EXPECT_EQ(with["usage"]["input_tokens"], without["usage"]["input_tokens"]);
  EXPECT_EQ(with["output"][0]["content"], without["output"][0]["content"]);
  ASSERT_EQ(with["warnings"].size(), 2u) << with;
  EXPECT_THAT(with["warnings"][0].get<std::string>(),
              HasSubstr("tools[0] is left out: this server runs no tools of its own, and "
                        "web_search is no function"));
  EXPECT_THAT(with["warnings"][1].get<std::string>(), HasSubstr("tools[2] is left out"));
  body["stream"] = true;
  const Json last = test::events_of(serving.post("/v1/responses", body)).back();
  EXPECT_EQ(last["response"]["warnings"], with["warnings"]);
}

TEST_F(Responses, ToolsOfTheServiceAreNoneToChooseFrom) {
  Json body = question();
  body["max_output_tokens"] = 100;
  body["tools"] = {Json::parse(R"({"type": "function", "name": "get_time", "parameters":
    {"type": "object", "properties": {}, "additionalProperties": false}})"),
                   {{"type", "web_search"}}};
  body["tool_choice"] = Json::parse(R"({"type": "allowed_tools", "mode": "required", "tools":
    [{"type": "web_search"}, {"type": "function", "name": "get_time"}]})");
  body["parallel_tool_calls"] = false;
  EXPECT_EQ(serving.post("/v1/responses", body).json()["output"][0]["type"], "function_call");
  body["tools"] = {{{"type", "web_search"}}};
  body["tool_choice"] = "required";
  EXPECT_EQ(serving.post("/v1/responses", body).json()["error"]["param"], "tool_choice");
}

TEST_F(Responses, ItemsThatAreNotUnderstoodSayWhatToSend) {
  const auto error_of = [&](const char* type) {
    Json body = question();
    body["input"] = {{{"type", type}, {"id", "a"}}};
    return serving.post("/v1/responses", body).json()["error"]["message"].get<std::string>();
  };
  EXPECT_THAT(error_of("item_reference"),
              HasSubstr("input[0].type: this server keeps no items; send the item itself"));
  EXPECT_THAT(error_of("custom_tool_call"), HasSubstr("can be sent as function_call"));
}

// Clients send these as a matter of course; none of them changes an answer.
TEST_F(Responses, WhatChangesNothingIsAccepted) {
  const auto text_of = [&](const Json& fields) {
    Json body = question();
    body.update(fields);
    const auto reply = serving.post("/v1/responses", body);
    EXPECT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.json()["store"], false);
    EXPECT_EQ(reply.json()["truncation"], "disabled");
    return reply.json()["output"][0]["content"][0]["text"];
  };
  const Json text = text_of(Json::object());
  EXPECT_EQ(text_of({{"store", true}, {"include", {"reasoning.encrypted_content"}}}), text);
  EXPECT_EQ(text_of({{"truncation", "auto"}, {"text", {{"verbosity", "medium"}}}}), text);
}

TEST_F(Responses, AnInputIsNeverTruncated) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "and ";
  for (const char* const truncation : {"auto", "disabled"}) {
    Json body = question();
    body["input"] = text;
    body["truncation"] = truncation;
    const auto reply = serving.post("/v1/responses", body);
    EXPECT_EQ(reply.status, 400);
    EXPECT_EQ(reply.json()["error"]["code"], "context_length_exceeded");
  }
}

TEST_F(Responses, AreNotKept) {
  const std::string id = serving.post("/v1/responses", question()).json()["id"];
  const auto reply = serving.get("/v1/responses/" + id);
  EXPECT_EQ(reply.status, 404);
  EXPECT_THAT(reply.json()["error"]["message"].get<std::string>(),
              testing::HasSubstr("keeps no responses"));
}

TEST_F(Responses, AStopStringEndsTheText) {
  Json body = question();
  const auto text_of = [&] {
    return serving.post("/v1/responses", body)
        .json()["output"][0]["content"][0]["text"]
        .get<std::string>();
  };
  const std::string whole = text_of();
  body["stop"] = whole.substr(4, 3);
  EXPECT_EQ(text_of(), whole.substr(0, whole.find(whole.substr(4, 3))));
}

}  // namespace
}  // namespace linnet
