#include <gmock/gmock.h>

#include "serve/serving.hpp"

namespace linnet {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

Json function(const char* name, const Json& parameters) {
  return {{"type", "function"}, {"function", {{"name", name}, {"parameters", parameters}}}};
}

const Json kWeather = Json::parse(R"({"type": "object", "properties": {
  "city": {"type": "string", "enum": ["Paris", "Rome"]},
  "days": {"type": "integer", "minimum": 1, "maximum": 9}},
  "required": ["city", "days"], "additionalProperties": false})");
const Json kTime = Json::parse(R"({"type": "object", "properties": {"zone": {"enum": ["UTC"]}},
  "required": ["zone"], "additionalProperties": false})");

// Each is served with a template that has tools, and with one that does not know them.
class Structured : public testing::TestWithParam<std::string> {
 protected:
  static Json question() {
    return {{"messages", Json::array({{{"role", "user"}, {"content", "Weather?"}}})},
            {"max_tokens", 300},
            {"temperature", 0}};
  }
  static Json question_with_tools() {
    Json body = question();
    body["tools"] = {function("get_weather", kWeather), function("get_time", kTime)};
    return body;
  }
  Json chat(const Json& body) const {
    const auto reply = serving.post("/v1/chat/completions", body);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.json()["choices"][0];
  }
  static void expect_weather_call(const Json& call) {
    EXPECT_EQ(call["function"]["name"], "get_weather");
    const Json arguments = Json::parse(call["function"]["arguments"].get<std::string>());
    EXPECT_TRUE(arguments["city"] == "Paris" || arguments["city"] == "Rome") << arguments;
    EXPECT_GE(arguments["days"], 1);
    EXPECT_LE(arguments["days"], 9);
  }

  test::Serving serving{{}, 4096, GetParam(), 2048};
};
INSTANTIATE_TEST_SUITE_P(Templates, Structured,
                         testing::Values(std::string("chatml"), test::kToolTemplate),
                         [](const auto& info) {
                           return info.param == "chatml" ? "WithoutTools" : "WithTools";
                         });

TEST_P(Structured, JsonSchemaHoldsTheText) {
  Json body = question();
  body["response_format"] = {{"type", "json_schema"},
                             {"json_schema", {{"name", "weather"}, {"schema", kWeather}}}};
  for (const int seed : {1, 2, 3}) {
    body["temperature"] = 1.5;
    body["seed"] = seed;
    const Json choice = chat(body);
    EXPECT_EQ(choice["finish_reason"], "stop");
    const Json answer = Json::parse(choice["message"]["content"].get<std::string>());
    EXPECT_EQ(answer.size(), 2u);
    EXPECT_TRUE(answer["city"] == "Paris" || answer["city"] == "Rome");
  }
}

TEST_P(Structured, JsonObjectIsAnObject) {
  Json body = question();
  body["response_format"] = {{"type", "json_object"}};
  body["max_tokens"] = 40;
  EXPECT_THAT(chat(body)["message"]["content"].get<std::string>(), testing::StartsWith("{"));
}

TEST_P(Structured, GrammarHoldsACompletion) {
  const auto reply = serving.post(
      "/v1/completions", {{"prompt", "The answer:"}, {"grammar", "root ::= \" yes\" | \" no\""}});
  EXPECT_THAT(reply.json()["choices"][0]["text"].get<std::string>(), testing::AnyOf(" yes", " no"));
}

TEST_P(Structured, ARequiredCallIsMade) {
  Json body = question_with_tools();
  body["tool_choice"] = "required";
  body["parallel_tool_calls"] = false;
  for (const int seed : {1, 2, 3, 4}) {
    body["temperature"] = 1.0;
    body["seed"] = seed;
    const Json choice = chat(body);
    EXPECT_EQ(choice["finish_reason"], "tool_calls");
    EXPECT_TRUE(choice["message"]["content"].is_null());
    const Json calls = choice["message"]["tool_calls"];
    ASSERT_EQ(calls.size(), 1u);
    EXPECT_FALSE(calls[0]["id"].get<std::string>().empty());
    if (calls[0]["function"]["name"] == "get_weather") {
      expect_weather_call(calls[0]);
    } else {
      EXPECT_EQ(calls[0]["function"]["name"], "get_time");
      EXPECT_EQ(Json::parse(calls[0]["function"]["arguments"].get<std::string>())["zone"], "UTC");
    }
  }
}

TEST_P(Structured, ANamedFunctionIsTheOneThatIsCalled) {
  Json body = question_with_tools();
  body["tool_choice"] = {{"type", "function"}, {"function", {{"name", "get_weather"}}}};
  body["parallel_tool_calls"] = false;
  expect_weather_call(chat(body)["message"]["tool_calls"][0]);

  body["stream"] = true;
  Json call;
  std::string reason;
  for (const Json& event : test::events_of(serving.post("/v1/chat/completions", body))) {
    const Json& choice = event["choices"][0];
    for (const Json& delta : choice["delta"].value("tool_calls", Json::array())) {
      if (call.is_null()) {
        call = delta;
      } else {
        auto& arguments = call["function"]["arguments"].get_ref<std::string&>();
        arguments += delta["function"]["arguments"].get<std::string>();
      }
    }
    if (choice["finish_reason"].is_string()) reason = choice["finish_reason"];
  }
  EXPECT_EQ(reason, "tool_calls");
  EXPECT_EQ(call["index"], 0);
  expect_weather_call(call);
}

TEST_P(Structured, OnlyAllowedFunctionsAreCalled) {
  Json body = question_with_tools();
  body["tools"].push_back(function("get_news", kTime));
  body["parallel_tool_calls"] = false;
  body["temperature"] = 1.0;
  const auto choose = [&](const char* mode) {
    body["tool_choice"] = {{"type", "allowed_tools"}};
    Json& allowed = body["tool_choice"]["allowed_tools"] = {{"mode", mode}};
    for (const char* const name : {"get_time", "get_news"}) {
      allowed["tools"].push_back({{"type", "function"}, {"function", {{"name", name}}}});
    }
  };
  choose("required");
  for (body["seed"] = 0; body["seed"] < 8; body["seed"] = body["seed"].get<int>() + 1) {
    const Json calls = chat(body)["message"]["tool_calls"];
    ASSERT_EQ(calls.size(), 1u);
    EXPECT_NE(calls[0]["function"]["name"], "get_weather");
  }
  choose("auto");
  body["max_tokens"] = 20;
  EXPECT_FALSE(chat(body)["message"]["content"].get<std::string>().empty());
}

TEST_P(Structured, SeveralCallsInOneAnswer) {
  Json body = question_with_tools();
  body["tool_choice"] = {{"type", "function"}, {"function", {{"name", "get_time"}}}};
  body["temperature"] = 3.0;
  std::size_t most = 0;
  for (int seed = 0; seed < 16 && most < 2; ++seed) {
    body["seed"] = seed;
    const Json choice = chat(body);
    if (choice["finish_reason"] != "tool_calls") continue;  // it went on for too long
    const Json& calls = choice["message"]["tool_calls"];
    most = std::max(most, calls.size());
    if (calls.size() > 1) {
      EXPECT_NE(calls[0]["id"], calls[1]["id"]);
    }
  }
  EXPECT_GE(most, 2u);
}

TEST_P(Structured, ToolsThatMayBeCalledLeaveTheTextFree) {
  Json body = question_with_tools();
  body["max_tokens"] = 20;
  EXPECT_FALSE(chat(body)["message"]["content"].get<std::string>().empty());
  body["tools"][0]["function"]["strict"] = true;
  EXPECT_EQ(chat(body)["finish_reason"], "length");
  body["tool_choice"] = "none";
  EXPECT_FALSE(chat(body)["message"].contains("tool_calls"));
}

TEST_P(Structured, ACallThatCannotBeUnderstoodIsTextWithAWarning) {
  if (GetParam() == "chatml") GTEST_SKIP() << "this template's answers have no calls";
  Json body = question();
  body["tools"] = {function("get_time", kTime)};
  body["tool_choice"] = "auto";
  body["grammar"] = R"(root ::= "<tool_call>\n[broken\n</tool_call>")";
  body["temperature"] = 1.0;
  for (body["seed"] = 0; body["seed"] < 50; body["seed"] = body["seed"].get<int>() + 1) {
    const Json answer = serving.post("/v1/chat/completions", body).json();
    const Json& choice = answer["choices"][0];
    if (choice["finish_reason"] != "stop") continue;  // it made a good one
    EXPECT_EQ(choice["message"]["content"], "<tool_call>\n[broken\n</tool_call>");
    ASSERT_EQ(answer["warnings"].size(), 1u) << answer;
    EXPECT_THAT(answer["warnings"][0], HasSubstr("cannot be understood"));
    body["stream"] = true;
    const auto events = test::events_of(serving.post("/v1/chat/completions", body));
    EXPECT_EQ(events.back()["warnings"], answer["warnings"]);
    return;
  }
  FAIL() << "all calls were good ones";
}

// What clients send by default is no reason to refuse an answer whose calls can't be forced.
class Unforced : public testing::Test {
 protected:
  static Json question() {
    const std::string calls =
        R"(<tool_call>{\"name\": \"get_time\", \"arguments\": {\"zone\": \"UTC\"}}</tool_call>)";
    return {{"messages", Json::array({{{"role", "user"}, {"content", "Weather?"}}})},
            {"tools", {function("get_time", kTime)}},
            {"grammar", "root ::= \"I look. " + calls + "\\n" + calls + " So.\""},
            {"temperature", 0}};
  }

  test::Serving serving{{}, 4096, test::kUnforcedTemplate, 2048};
};

TEST_F(Unforced, WithoutParallelCallsThereIsTheFirstOne) {
  Json body = question();
  const Json both = serving.post("/v1/chat/completions", body).json()["choices"][0];
  EXPECT_EQ(both["message"]["tool_calls"].size(), 2u) << both;
  EXPECT_EQ(both["message"]["content"], "I look. \n So.");
  body["parallel_tool_calls"] = false;
  body["tool_choice"] = "auto";
  const Json one = serving.post("/v1/chat/completions", body).json();
  EXPECT_EQ(one["choices"][0]["message"]["tool_calls"].size(), 1u) << one;
  EXPECT_EQ(one["choices"][0]["message"]["content"], "I look.");
  EXPECT_EQ(one["choices"][0]["finish_reason"], "tool_calls");
  EXPECT_FALSE(one.contains("warnings"));
  body["stream"] = true;
  int calls = 0;
  for (const Json& event : test::events_of(serving.post("/v1/chat/completions", body))) {
    calls += event["choices"][0]["delta"].contains("tool_calls");
  }
  EXPECT_EQ(calls, 1);
}

TEST_F(Unforced, WithoutParallelUseInMessages) {
  Json body = question();
  body["max_tokens"] = 300;
  body["tools"] = {{{"name", "get_time"}, {"input_schema", kTime}}};
  body["tool_choice"] = {{"type", "auto"}, {"disable_parallel_tool_use", true}};
  const auto reply = serving.post("/v1/messages", body);
  ASSERT_EQ(reply.status, 200) << reply.body;
  const Json content = reply.json()["content"];
  ASSERT_EQ(content.size(), 2u) << content;
  EXPECT_EQ(content[1]["type"], "tool_use");
}

TEST_F(Unforced, StrictIsAWarning) {
  Json body = question();
  body["tools"][0]["function"]["strict"] = true;
  for (const bool streams : {false, true}) {
    body["stream"] = streams;
    const auto reply = serving.post("/v1/chat/completions", body);
    ASSERT_EQ(reply.status, 200) << reply.body;
    const Json answer = streams ? test::events_of(reply).back() : reply.json();
    ASSERT_EQ(answer["warnings"].size(), 1u) << answer;
    EXPECT_THAT(answer["warnings"][0].get<std::string>(), testing::StartsWith("strict: "));
  }
}

TEST_F(Unforced, ATemplateThatShowsNoToolsIsAWarning) {
  const test::Serving forgetful({}, 4096, test::in_repository("tests/serve/forgetful.jinja"), 2048);
  Json body = question();
  EXPECT_FALSE(forgetful.post("/v1/chat/completions", body).json().contains("warnings"));
  body["messages"].push_back({{"role", "assistant"}, {"content", "Noon."}});
  body["messages"].push_back({{"role", "user"}, {"content", "And now?"}});
  const Json answer = forgetful.post("/v1/chat/completions", body).json();
  ASSERT_EQ(answer["warnings"].size(), 1u) << answer;
  EXPECT_EQ(answer["warnings"][0], "the chat template does not show the model its tools");
  EXPECT_FALSE(serving.post("/v1/chat/completions", body).json().contains("warnings"));
}

TEST_F(Unforced, CallsCannotBeForced) {
  Json allowed = {{"type", "allowed_tools"}};
  allowed["allowed_tools"] = {
      {"mode", "auto"}, {"tools", {{{"type", "function"}, {"function", {{"name", "get_time"}}}}}}};
  const Json named = {{"type", "function"}, {"function", {{"name", "get_time"}}}};
  for (const Json& choice : {Json("required"), named, allowed}) {
    Json body = question();
    body.erase("grammar");
    body["tool_choice"] = choice;
    const auto reply = serving.post("/v1/chat/completions", body);
    EXPECT_EQ(reply.status, 400) << reply.body;
    EXPECT_EQ(reply.json()["error"]["code"], "tool_choice_not_supported");
    EXPECT_EQ(reply.json()["error"]["param"], "tool_choice");
  }
}

// A schema that can't be held is an error where somebody wants it to be.
TEST_P(Structured, OneCallAtMostNeedsNoSchema) {
  Json body = question();
  body["max_tokens"] = 4;
  body["tools"] = {function("f", {{"properties", {{"a", {{"contains", 1}}}}}})};
  body["parallel_tool_calls"] = false;
  EXPECT_EQ(serving.post("/v1/chat/completions", body).status, 200);
  body["tools"][0]["function"]["strict"] = true;
  EXPECT_EQ(serving.post("/v1/chat/completions", body).status, 400);
  body["tools"][0]["function"].erase("strict");
  body["tool_choice"] = "required";
  EXPECT_EQ(serving.post("/v1/chat/completions", body).status, 400);
}

TEST_P(Structured, AnEndOfCallsInAValueIsNone) {
  Json body = question();
  const Json schema =
      Json::parse(R"({"properties": {"p": {"enum": ["a</tool_call>b"]}}, "required": ["p"]})");
  body["tools"] = {function("f", schema)};
  body["tool_choice"] = "required";
  body["parallel_tool_calls"] = false;
  const Json choice = chat(body);
  EXPECT_EQ(choice["finish_reason"], "tool_calls");
  const Json calls = choice["message"]["tool_calls"];
  ASSERT_EQ(calls.size(), 1u) << choice;
  EXPECT_EQ(Json::parse(calls[0]["function"]["arguments"].get<std::string>())["p"],
            "a</tool_call>b");
}

TEST_P(Structured, WhatCannotBeHeldIsSaid) {
  const auto refused = [&](const Json& fields, const char* param) {
    Json body = question_with_tools();
    body.update(fields);
    const auto reply = serving.post("/v1/chat/completions", body);
    EXPECT_EQ(reply.status, 400) << reply.body;
    EXPECT_EQ(reply.json()["error"]["param"], param) << reply.body;
  };
  const auto with_schema = [](const Json& schema) -> Json {
    return {{"response_format",
             {{"type", "json_schema"}, {"json_schema", {{"name", "a"}, {"schema", schema}}}}},
            {"tools", nullptr}};
  };
  refused(with_schema({{"contains", 1}}), "response_format.json_schema.schema");
  refused(with_schema(5), "response_format.json_schema.schema");
  refused({{"response_format", {{"type", "json_schema"}}}}, "response_format.schema");
  refused({{"response_format", {{"type", "xml"}}}}, "response_format.type");
  refused({{"response_format", {{"json_schema", {{"name", "a"}, {"schema", kTime}}}}}},
          "response_format.type");
  refused({{"response_format", "json"}}, "response_format");
  refused({{"grammar", "root :="}}, "grammar");
  refused({{"grammar", "root ::= \"a\""}, {"response_format", {{"type", "json_object"}}}},
          "grammar");
  refused({{"json_schema", Json::object()}, {"response_format", {{"type", "json_object"}}}},
          "json_schema");
  refused({{"tool_choice", "maybe"}}, "tool_choice");
  refused({{"tool_choice", {{"function", {{"name", "other"}}}}}}, "tool_choice");
  refused({{"tool_choice", {{"function", {{"name", 5}}}}}}, "tool_choice.function.name");
  const auto with_allowed = [](const Json& allowed) -> Json {
    return {{"tool_choice", {{"type", "allowed_tools"}, {"allowed_tools", allowed}}}};
  };
  const Json time = {{"type", "function"}, {"function", {{"name", "get_time"}}}};
  const Json other = {{"type", "function"}, {"function", {{"name", "other"}}}};
  refused({{"tool_choice", {{"type", "allowed_tools"}}}}, "tool_choice.allowed_tools");
  refused(with_allowed({{"mode", "auto"}, {"tools", Json::array()}}),
          "tool_choice.allowed_tools.tools");
  refused(with_allowed({{"mode", "never"}, {"tools", {time}}}), "tool_choice.allowed_tools.mode");
  refused(with_allowed({{"tools", {time}}}), "tool_choice.allowed_tools.mode");
  refused(with_allowed({{"mode", "auto"}, {"tools", {5}}}), "tool_choice.allowed_tools.tools[0]");
  refused(with_allowed({{"mode", "auto"}, {"tools", {time, other}}}), "tool_choice");
  refused({{"tool_choice", {{"type", "custom"}, {"custom", {{"name", "get_time"}}}}}},
          "tool_choice.type");
  refused({{"tools", nullptr}, {"tool_choice", "required"}}, "tool_choice");
  refused({{"tools", {{{"type", 5}}}}}, "tools[0].type");
  refused({{"tools", {{{"type", "function"}}}}}, "tools[0].function");
  refused({{"tools", {function("f", 5)}}}, "tools[0].function.parameters");
  refused({{"tools", {function("f", {{"type", "what"}})}}, {"tool_choice", "required"}}, "tools");
}

}  // namespace
}  // namespace linnet
