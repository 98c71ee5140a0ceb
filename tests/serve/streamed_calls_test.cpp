#include <gmock/gmock.h>

#include "serve/serving.hpp"

// Arguments of calls that a grammar holds come in pieces.

namespace linnet {
namespace {

using Json = nlohmann::json;

Json function(const char* name, const Json& parameters) {
  return {{"type", "function"}, {"function", {{"name", name}, {"parameters", parameters}}}};
}

// So long a text that it takes a stream several rounds.
const Json kNote = Json::parse(R"({"type": "object", "properties": {
  "text": {"type": "string", "minLength": 1500, "maxLength": 2000}},
  "required": ["text"], "additionalProperties": false})");
const Json kTime = Json::parse(R"({"type": "object", "properties": {"zone": {"enum": ["UTC"]}},
  "required": ["zone"], "additionalProperties": false})");

std::string joined(const Json& pieces) {
  std::string text;
  for (const Json& piece : pieces) text += piece.get<std::string>();
  return text;
}

// The choice of a stream, its calls put together as clients do; `pieces` are those of arguments.
struct StreamedChoice {
  explicit StreamedChoice(const std::vector<Json>& events) {
    for (const Json& event : events) {
      const Json& choice = event["choices"][0];
      for (const Json& delta : choice["delta"].value("tool_calls", Json::array())) add(delta);
      if (choice["finish_reason"].is_string()) finish_reason = choice["finish_reason"];
      text += choice["delta"].value("content", "");
    }
  }

  void add(const Json& delta) {
    const Json& function = delta["function"];
    if (delta["index"] == calls.size()) {
      calls.push_back(delta);
      pieces.push_back(Json::array());
    } else {
      EXPECT_EQ(delta["index"], calls.size() - 1);
      EXPECT_FALSE(delta.contains("id") || delta.contains("type") || function.contains("name"));
      pieces.back().push_back(function["arguments"]);
    }
  }

  std::vector<Json> calls;   // as they began
  std::vector<Json> pieces;  // behind that
  std::string finish_reason, text;
};

// With a template that has tools, and with one that does not know them.
class StreamedCalls : public testing::TestWithParam<std::string> {
 protected:
  static Json question(const char* tool, const Json& parameters) {
    return {{"messages", {{{"role", "user"}, {"content", "Well?"}}}},
            {"tools", {function(tool, parameters)}},
            {"tool_choice", "required"},
            {"parallel_tool_calls", false},
            {"max_tokens", 1700},
            {"seed", 3}};
  }
  Json whole(Json body) const {
    body["stream"] = false;
    const auto reply = serving.post("/v1/chat/completions", body);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.json()["choices"][0];
  }
  std::vector<Json> events(Json body) const {
    body["stream"] = true;
    return test::events_of(serving.post("/v1/chat/completions", body));
  }

  test::Serving serving{{}, 4096, GetParam(), 2048};
};
INSTANTIATE_TEST_SUITE_P(Templates, StreamedCalls,
                         testing::Values(std::string("chatml"), test::kToolTemplate),
                         [](const auto& info) {
                           return info.param == "chatml" ? "WithoutTools" : "WithTools";
                         });

TEST_P(StreamedCalls, ChatsHaveTheSameArguments) {
  const Json body = question("note", kNote);
  const Json message = whole(body)["message"];
  const StreamedChoice streamed(events(body));
  ASSERT_EQ(streamed.calls.size(), 1u);
  const Json& begun = streamed.calls[0];
  EXPECT_EQ(begun["id"], message["tool_calls"][0]["id"]);
  EXPECT_EQ(begun["type"], "function");
  EXPECT_EQ(begun["function"], Json({{"name", "note"}, {"arguments", ""}}));
  EXPECT_GE(streamed.pieces[0].size(), 2u);
  EXPECT_EQ(joined(streamed.pieces[0]), message["tool_calls"][0]["function"]["arguments"]);
  EXPECT_EQ(streamed.finish_reason, "tool_calls");
  EXPECT_EQ(streamed.text, "");
}

TEST_P(StreamedCalls, EachOfSeveralHasItsIndex) {
  Json body = question("get_time", kTime);
  body["parallel_tool_calls"] = true;
  body["max_tokens"] = 300;
  body["temperature"] = 3.0;
  std::size_t most = 0;
  for (int seed = 0; seed < 16 && most < 2; ++seed) {
    body["seed"] = seed;
    const Json choice = whole(body);
    if (choice["finish_reason"] != "tool_calls") continue;  // it went on for too long
    const Json& calls = choice["message"]["tool_calls"];
    most = std::max(most, calls.size());
    const StreamedChoice streamed(events(body));
    ASSERT_EQ(streamed.calls.size(), calls.size());
    for (std::size_t i = 0; i < calls.size(); ++i) {
      EXPECT_EQ(streamed.calls[i]["id"], calls[i]["id"]);
      EXPECT_EQ(joined(streamed.pieces[i]), calls[i]["function"]["arguments"]);
    }
  }
  EXPECT_GE(most, 2u);
}

// A call that is not complete is no reason to run it.
TEST_P(StreamedCalls, WhatALimitOrAStopStringCutsIsNoCall) {
  Json body = question("note", kNote);
  body["max_tokens"] = 100;
  const StreamedChoice limited(events(body));
  ASSERT_EQ(limited.calls.size(), 1u);
  EXPECT_EQ(limited.finish_reason, "length");
  EXPECT_FALSE(Json::accept(joined(limited.pieces[0])));
  EXPECT_EQ(limited.text, "");

  body = question("get_time", kTime);
  body["stop"] = "TC";
  const auto stopped = events(body);
  const StreamedChoice choice(stopped);
  EXPECT_EQ(joined(choice.pieces.at(0)), R"({"zone":"U)");
  EXPECT_EQ(choice.finish_reason, "stop");
  EXPECT_EQ(stopped.back()["warnings"],
            Json({"the arguments of a tool call of the model are not complete"}));
}

// As a whole an answer has the calls that the same answer in pieces completes.
TEST_P(StreamedCalls, AnAnswerThatIsCutHasItsCompleteCalls) {
  Json body = question("get_time", kTime);
  body["parallel_tool_calls"] = true;
  body["temperature"] = 3.0;
  int cut_behind_calls = 0;
  for (int tokens = 40; tokens <= 200; tokens += 20) {
    body["max_tokens"] = tokens;
    const StreamedChoice streamed(events(body));
    const Json choice = whole(body);
    EXPECT_EQ(choice["finish_reason"], streamed.finish_reason);
    std::vector<std::string> complete;
    for (const auto& pieces : streamed.pieces) {
      if (Json::accept(joined(pieces))) complete.push_back(joined(pieces));
    }
    const Json calls = choice["message"].value("tool_calls", Json::array());
    ASSERT_EQ(calls.size(), complete.size()) << choice;
    for (std::size_t i = 0; i < complete.size(); ++i) {
      EXPECT_EQ(calls[i]["function"]["arguments"], complete[i]);
    }
    EXPECT_EQ(choice["message"]["content"].is_null() ? Json("") : choice["message"]["content"],
              streamed.text);
    if (streamed.finish_reason == "length" && !complete.empty()) ++cut_behind_calls;
  }
  EXPECT_GE(cut_behind_calls, 1);
}

// Results find their call by its id, whatever seed a client sends each time.
TEST_P(StreamedCalls, IdsDifferFromTurnToTurn) {
  Json body = question("get_time", kTime);
  const Json first = whole(body)["message"]["tool_calls"][0];
  body["messages"].push_back({{"role", "user"}, {"content", "And now?"}});
  const Json second = whole(body)["message"]["tool_calls"][0];
  EXPECT_NE(first["id"], second["id"]);
}

// The text before a call is free, and is not held to be one.
TEST_P(StreamedCalls, AStrictToolNeedNotBeCalled) {
  Json body = question("note", kNote);
  body["tool_choice"] = "auto";
  body["tools"][0]["function"]["strict"] = true;
  body["max_tokens"] = 20;
  const StreamedChoice streamed(events(body));
  EXPECT_TRUE(streamed.calls.empty());
  EXPECT_EQ(streamed.text, whole(body)["message"]["content"]);
}

TEST_P(StreamedCalls, MessagesHaveTheSameInput) {
  Json body = {{"messages", {{{"role", "user"}, {"content", "Well?"}}}},
               {"tools", {{{"name", "note"}, {"input_schema", kNote}}}},
               {"tool_choice", {{"type", "any"}, {"disable_parallel_tool_use", true}}},
               {"max_tokens", 1700},
               {"temperature", 0}};
  const Json content = serving.post("/v1/messages", body).json()["content"];
  ASSERT_EQ(content[0]["type"], "tool_use");
  body["stream"] = true;
  Json begun, pieces = Json::array(), reason;
  int ends = 0;
  for (const Json& event : test::events_of(serving.post("/v1/messages", body))) {
    if (event["type"] == "content_block_start") begun = event["content_block"];
    if (event["type"] == "content_block_stop") ++ends;
    if (event["type"] == "message_delta") reason = event["delta"]["stop_reason"];
    if (event["type"] != "content_block_delta") continue;
    EXPECT_EQ(event["delta"]["type"], "input_json_delta");
    pieces.push_back(event["delta"]["partial_json"]);
  }
  EXPECT_EQ(begun["name"], "note");
  EXPECT_EQ(begun["input"], Json::object());
  EXPECT_GE(pieces.size(), 2u);
  EXPECT_EQ(Json::parse(joined(pieces)), content[0]["input"]);
  EXPECT_EQ(ends, 1);
  EXPECT_EQ(reason, "tool_use");

  body["max_tokens"] = 100;
  const auto cut = test::events_of(serving.post("/v1/messages", body));
  EXPECT_EQ(cut.at(cut.size() - 2)["delta"]["stop_reason"], "max_tokens");
  EXPECT_EQ(cut.at(cut.size() - 3)["type"], "content_block_stop");
}

TEST_P(StreamedCalls, ResponsesHaveTheSameArguments) {
  Json body = {{"input", "Well?"},
               {"tools", {{{"type", "function"}, {"name", "note"}, {"parameters", kNote}}}},
               {"tool_choice", "required"},
               {"parallel_tool_calls", false},
               {"max_output_tokens", 1700},
               {"temperature", 0}};
  const Json item = serving.post("/v1/responses", body).json()["output"][0];
  ASSERT_EQ(item["type"], "function_call");
  body["stream"] = true;
  Json pieces = Json::array(), done;
  for (const Json& event : test::events_of(serving.post("/v1/responses", body))) {
    const std::string type = event["type"];
    if (type == "response.function_call_arguments.delta") pieces.push_back(event["delta"]);
    if (type == "response.function_call_arguments.done") done = event["arguments"];
  }
  EXPECT_GE(pieces.size(), 2u);
  EXPECT_EQ(joined(pieces), item["arguments"]);
  EXPECT_EQ(done, item["arguments"]);

  body["max_output_tokens"] = 100;
  const auto cut = test::events_of(serving.post("/v1/responses", body));
  EXPECT_EQ(cut.back()["type"], "response.incomplete");
  EXPECT_EQ(cut.back()["response"]["output"][0]["status"], "incomplete");
  EXPECT_EQ(cut.at(cut.size() - 2)["type"], "response.output_item.done");
}

}  // namespace
}  // namespace linnet
