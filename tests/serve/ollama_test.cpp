// Ollama's API, as its clients use it.

#include <gmock/gmock.h>

#include <filesystem>
#include <sstream>

#include "serve/serving.hpp"
#include "support/scripted_model.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

using Json = nlohmann::json;
using testing::Contains;
using testing::HasSubstr;

// The objects of a stream, a line each.
std::vector<Json> lines_of(const test::HttpReply& reply) {
  std::vector<Json> lines;
  std::istringstream text(reply.body);
  for (std::string line; std::getline(text, line);) lines.push_back(Json::parse(line));
  return lines;
}

class Ollama : public testing::Test {
 protected:
  static Json greedy() { return {{"temperature", 0}, {"num_predict", 16}}; }
  static Json chat() {
    return {{"model", "linnet-kjv"},
            {"messages", {{{"role", "user"}, {"content", "Who made the heaven?"}}}},
            {"options", greedy()}};
  }
  // The same as others ask it.
  static Json openai_chat() {
    return {{"messages", {{{"role", "user"}, {"content", "Who made the heaven?"}}}},
            {"temperature", 0},
            {"max_tokens", 16}};
  }
  std::string openai_answer() const {
    const Json json = serving.post("/v1/chat/completions", openai_chat()).json();
    return json["choices"][0]["message"]["content"];
  }
  test::HttpReply whole(const char* path, Json body) const {
    body["stream"] = false;
    return serving.post(path, body);
  }

  test::Serving serving;
};

TEST_F(Ollama, AChatIsStreamedAsLines) {
  const auto reply = serving.post("/api/chat", chat());
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_THAT(reply.head, HasSubstr("Content-Type: application/x-ndjson\r\n"));
  const auto lines = lines_of(reply);
  ASSERT_GE(lines.size(), 2u);
  std::string text;
  for (const Json& line : lines) {
    EXPECT_EQ(line["model"], "linnet-kjv");
    EXPECT_EQ(line["done"], &line == &lines.back());
    EXPECT_EQ(line["message"]["role"], "assistant");
    text += line["message"]["content"].get<std::string>();
  }
  EXPECT_EQ(text, openai_answer());
  const Json& last = lines.back();
  EXPECT_EQ(last["done_reason"], "length");
  EXPECT_EQ(last["eval_count"], 16);
  EXPECT_EQ(last["prompt_eval_count"],
            serving.post("/v1/chat/completions", openai_chat()).json()["usage"]["prompt_tokens"]);
  const auto total = last["total_duration"].get<std::int64_t>();
  EXPECT_GT(total, 0);
  EXPECT_NEAR(last["load_duration"].get<std::int64_t>() +
                  last["prompt_eval_duration"].get<std::int64_t>() +
                  last["eval_duration"].get<std::int64_t>(),
              total, 10);
}

TEST_F(Ollama, AWholeChatIsOneObject) {
  const auto reply = whole("/api/chat", chat());
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_THAT(reply.head, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_EQ(reply.json()["message"]["content"], openai_answer());
  EXPECT_EQ(reply.json()["done"], true);
}

TEST_F(Ollama, APromptIsAChatOfItsOwn) {
  const Json body = {{"prompt", "Who made the heaven?"}, {"options", greedy()}};
  EXPECT_EQ(whole("/api/generate", body).json()["response"], openai_answer());
  std::string text;
  for (const Json& line : lines_of(serving.post("/api/generate", body))) {
    text += line["response"].get<std::string>();
  }
  EXPECT_EQ(text, openai_answer());
  Json with_system = body, openai = openai_chat();
  with_system["system"] = "Be brief.";
  openai["messages"].insert(openai["messages"].begin(),
                            Json{{"role", "system"}, {"content", "Be brief."}});
  EXPECT_EQ(whole("/api/generate", with_system).json()["prompt_eval_count"],
            serving.post("/v1/chat/completions", openai).json()["usage"]["prompt_tokens"]);
}

TEST_F(Ollama, ARawPromptGoesOn) {
  const Json body = {{"prompt", "In the beginning"}, {"raw", true}, {"options", greedy()}};
  const Json completion = {{"prompt", "In the beginning"}, {"temperature", 0}, {"max_tokens", 16}};
  const Json text = serving.post("/v1/completions", completion).json()["choices"][0]["text"];
  EXPECT_EQ(whole("/api/generate", body).json()["response"], text);
  Json with_system = body;
  with_system["system"] = "Be brief.";
  EXPECT_THAT(whole("/api/generate", with_system).json()["error"].get<std::string>(),
              HasSubstr("system: not supported"));
  // So does any where there is no template.
  const test::Serving plain({}, 4096, "");
  Json unmarked = body;
  unmarked.erase("raw");
  unmarked["stream"] = false;
  EXPECT_EQ(plain.post("/api/generate", unmarked).json()["response"], text);
}

// Who writes the template writes its special tokens, too.
TEST_F(Ollama, SpecialTokensOfARawPromptAreRecognised) {
  const auto tokens_of = [&](const char* path, Json body) {
    body["prompt"] = "a</s>";
    body["stream"] = false;
    const Json json = serving.post(path, body).json();
    return path == std::string("/v1/completions") ? json["usage"]["prompt_tokens"]
                                                  : json["prompt_eval_count"];
  };
  EXPECT_LT(tokens_of("/api/generate", {{"raw", true}, {"options", greedy()}}).get<int>(),
            tokens_of("/v1/completions", {{"max_tokens", 1}}).get<int>());
}

TEST_F(Ollama, ASuffixNeedsTokensForFillingIn) {
  const auto reply = whole("/api/generate", {{"prompt", "a"}, {"suffix", "b"}});
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.json()["error"], "suffix: this model has no tokens for filling in");
}

TEST_F(Ollama, OptionsReachTheSampler) {
  Json body = chat();
  const auto text_of = [&](const Json& options) {
    body["options"] = greedy();
    body["options"].update(options);
    return whole("/api/chat", body).json()["message"]["content"].get<std::string>();
  };
  const std::string text = text_of(Json::object());
  const std::string stop = text.substr(text.size() / 2, 4);
  EXPECT_EQ(text_of({{"stop", {stop}}}), text.substr(0, text.find(stop)));
  EXPECT_NE(text_of({{"repeat_penalty", 1.9}}), text);
  EXPECT_NE(text_of({{"temperature", 2.0}, {"seed", 5}}), text);
  EXPECT_EQ(text_of({{"temperature", 2.0}, {"seed", 5}, {"top_k", 1}}), text);
  EXPECT_EQ(text_of({{"num_ctx", 4096}, {"num_gpu", 99}, {"num_thread", 8}}), text);
  EXPECT_GT(text_of({{"num_predict", -1}}).size(), text.size());
}

TEST_F(Ollama, AFormatHoldsTheAnswer) {
  Json body = chat();
  body["options"]["num_predict"] = 100;
  body["format"] = Json::parse(R"({"type": "object", "properties": {"ok": {"type": "boolean"}},
    "required": ["ok"], "additionalProperties": false})");
  const Json json = whole("/api/chat", body).json();
  EXPECT_EQ(json["done_reason"], "stop");
  EXPECT_TRUE(Json::parse(json["message"]["content"].get<std::string>())["ok"].is_boolean());
  body["format"] = "json";
  EXPECT_EQ(whole("/api/chat", body).json()["message"]["content"].get<std::string>()[0], '{');
  Json raw = {{"prompt", "a"}, {"raw", true}, {"options", greedy()}, {"format", "json"}};
  EXPECT_EQ(whole("/api/generate", raw).json()["response"].get<std::string>()[0], '{');
  raw.erase("format");
  raw["grammar"] = "root ::= \"yes\"";
  EXPECT_EQ(whole("/api/generate", raw).json()["response"], "yes");
}

// As Ollama's server has it; clients send such numbers without being asked.
TEST_F(Ollama, MoreTokensThanTheContextHoldsEndWithIt) {
  Json body = chat();
  body["options"]["num_predict"] = 5000;
  const Json json = whole("/api/chat", body).json();
  body["options"]["num_predict"] = -1;
  EXPECT_EQ(json["message"], whole("/api/chat", body).json()["message"]);
  const std::string reason = json["done_reason"];
  const int tokens = json["prompt_eval_count"].get<int>() + json["eval_count"].get<int>();
  EXPECT_EQ(reason == "length", tokens == 512) << json;
  body["options"]["num_predict"] = 0;
  EXPECT_EQ(whole("/api/chat", body).json()["eval_count"], 0);
}

TEST_F(Ollama, LogprobsComeWithTheirTokens) {
  for (const char* const path : {"/api/chat", "/api/generate"}) {
    Json body = chat();
    body.update({{"prompt", "And God"}, {"logprobs", true}, {"top_logprobs", 2}});
    const Json json = whole(path, body).json();
    const Json& logprobs = json["logprobs"];
    ASSERT_EQ(logprobs.size(), 16u) << json;
    std::string text;
    for (const Json& token : logprobs) {
      text += token["token"].get<std::string>();
      EXPECT_LE(token["logprob"], 0.0);
      EXPECT_EQ(token["bytes"].size(), token["token"].get<std::string>().size());
      ASSERT_EQ(token["top_logprobs"].size(), 2u);
      EXPECT_EQ(token["top_logprobs"][0]["logprob"], token["logprob"]) << "the likeliest is drawn";
    }
    const Json& said = json.contains("response") ? json["response"] : json["message"]["content"];
    EXPECT_THAT(text, HasSubstr(said.get<std::string>()));
    body["stream"] = true;
    Json streamed = Json::array();
    for (const Json& line : lines_of(serving.post(path, body))) {
      for (const Json& token : line.value("logprobs", Json::array())) streamed.push_back(token);
    }
    EXPECT_EQ(streamed, logprobs);
    body["logprobs"] = false;
    EXPECT_FALSE(whole(path, body).json().contains("logprobs"));
  }
}

TEST_F(Ollama, WrongFieldsAreNamed) {
  const auto error_of = [&](const Json& fields) {
    Json body = chat();
    body.update(fields);
    const auto reply = whole("/api/chat", body);
    EXPECT_EQ(reply.status, 400) << reply.body;
    return reply.json()["error"].get<std::string>();
  };
  EXPECT_THAT(error_of({{"messages", "a"}}), HasSubstr("messages: expected an array"));
  EXPECT_THAT(error_of({{"messages", {{{"role", "bot"}}}}}), HasSubstr("messages[0].role: "));
  EXPECT_THAT(error_of({{"messages", {{{"role", "user"}, {"content", 5}}}}}),
              HasSubstr("messages[0].content: "));
  EXPECT_THAT(error_of({{"messages", {{{"role", "user"}, {"images", {5}}}}}}),
              HasSubstr("messages[0].images[0]: "));
  EXPECT_THAT(error_of(Json::parse(R"({"messages": [{"role": "assistant", "tool_calls":
                                      [{"function": {"name": "f", "arguments": "{}"}}]}]})")),
              HasSubstr("messages[0].tool_calls[0].function.arguments: expected an object"));
  EXPECT_THAT(error_of({{"options", {{"temperature", "hot"}}}}),
              HasSubstr("options.temperature: "));
  EXPECT_THAT(error_of({{"options", {{"num_predict", -3}}}}), HasSubstr("options.num_predict: "));
  EXPECT_THAT(error_of({{"format", "xml"}}), HasSubstr("format: "));
  EXPECT_THAT(error_of({{"think", "a little"}}), HasSubstr("think: "));
  EXPECT_THAT(error_of({{"tools", {{{"type", "function"}}}}}), HasSubstr("tools[0].function: "));
  EXPECT_EQ(whole("/api/generate", {{"prompt", "a"}, {"context", {1, 2}}}).status, 400);
  EXPECT_EQ(whole("/api/generate", {{"prompt", "a"}, {"template", "{{ .Prompt }}"}}).status, 400);
  // As ollama-python sends what was not given.
  Json given = {
      {"prompt", "a"}, {"suffix", ""}, {"system", ""}, {"template", ""}, {"context", nullptr}};
  given["options"] = greedy();
  EXPECT_EQ(whole("/api/generate", given).status, 200);
}

TEST_F(Ollama, ResultsOfToolsFollowTheirCalls) {
  const Json messages = Json::parse(R"([
    {"role": "user", "content": "Time?"},
    {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": [
      {"function": {"name": "get_time", "arguments": {"zone": "UTC"}}},
      {"function": {"name": "get_day", "arguments": {}}}]},
    {"role": "tool", "tool_name": "get_time", "content": "12:00"},
    {"role": "tool", "content": "Monday"}])");
  const Json openai = Json::parse(R"([
    {"role": "user", "content": "Time?"},
    {"role": "assistant", "content": "", "reasoning_content": "hm", "tool_calls": [
      {"id": "call_1", "type": "function", "function": {"name": "get_time", "arguments": "{\"zone\":\"UTC\"}"}},
      {"id": "call_2", "type": "function", "function": {"name": "get_day", "arguments": "{}"}}]},
    {"role": "tool", "tool_call_id": "call_1", "name": "get_time", "content": "12:00"},
    {"role": "tool", "tool_call_id": "call_2", "name": "get_day", "content": "Monday"}])");
  Json body = chat(), same = openai_chat();
  body["messages"] = messages;
  same["messages"] = openai;
  const Json answer = whole("/api/chat", body).json();
  const Json other = serving.post("/v1/chat/completions", same).json();
  EXPECT_EQ(answer["prompt_eval_count"], other["usage"]["prompt_tokens"]);
  EXPECT_EQ(answer["message"]["content"], other["choices"][0]["message"]["content"]);
}

TEST_F(Ollama, ModelsAreToldOf) {
  const Json models = serving.get("/api/tags").json()["models"];
  ASSERT_EQ(models.size(), 1u);
  EXPECT_EQ(models[0]["name"], "linnet-kjv");
  EXPECT_EQ(models[0]["model"], "linnet-kjv");
  EXPECT_EQ(models[0]["size"], std::filesystem::file_size(test::kBundledModel));
  EXPECT_EQ(models[0]["details"]["family"], serving.file().spec().architecture);
  EXPECT_EQ(models[0]["details"]["format"], "gguf");
  EXPECT_EQ(serving.get("/api/ps").json()["models"][0]["context_length"], 512);
  EXPECT_FALSE(serving.get("/api/version").json()["version"].get<std::string>().empty());
  for (const char* const field : {"model", "name"}) {
    const auto shown = serving.post("/api/show", {{field, "linnet-kjv"}});
    EXPECT_THAT(shown.json()["capabilities"], Contains("completion"));
    const auto family = shown.json()["details"]["family"].get<std::string>();
    EXPECT_EQ(shown.json()["model_info"][family + ".context_length"], 512);
    EXPECT_GT(shown.json()["model_info"][family + ".block_count"], 0);
    EXPECT_THAT(shown.json()["template"].get<std::string>(), HasSubstr("<|im_start|>"));
    EXPECT_EQ(serving.post("/api/show", {{field, "other"}}).status, 404);
    EXPECT_EQ(serving.post("/api/show", {{field, "linnet-kjv:latest"}}).status, 200);
  }
}

TEST_F(Ollama, ATagOfANameMaySayThatItIsTheLatest) {
  Json body = chat();
  body["model"] = "linnet-kjv:latest";
  EXPECT_EQ(whole("/api/chat", body).status, 200);
  EXPECT_EQ(serving.post("/v1/chat/completions", body).status, 200);
  body["model"] = "linnet-kjv:1b";
  const auto reply = whole("/api/chat", body);
  EXPECT_EQ(reply.status, 404);
  EXPECT_THAT(reply.json()["error"].get<std::string>(), HasSubstr("linnet-kjv:1b does not exist"));
}

TEST_F(Ollama, WhatAsksForNothingLoadsTheModel) {
  for (const char* const path : {"/api/chat", "/api/generate"}) {
    const auto reply = serving.post(path, {{"model", "linnet-kjv"}});
    EXPECT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.json()["done_reason"], "load");
    EXPECT_THAT(serving.post(path, {{"keep_alive", "soon"}}).json()["error"].get<std::string>(),
                HasSubstr("keep_alive: expected seconds"));
  }
}

TEST_F(Ollama, ErrorsAreTexts) {
  for (const char* const path : {"/api/pull", "/api/chat"}) {
    EXPECT_TRUE(serving.get(path).json()["error"].is_string()) << path;
  }
  EXPECT_TRUE(test::http(serving.port(), "POST", "/api/chat", "{").json()["error"].is_string());
}

TEST_F(Ollama, Embeddings) {
  const Json list = {{"input", {"And God said", "In the beginning"}}};
  const Json ours = serving.post("/v1/embeddings", list).json()["data"];
  const Json embedded = serving.post("/api/embed", list).json();
  ASSERT_EQ(embedded["embeddings"].size(), 2u);
  EXPECT_EQ(embedded["embeddings"][1], ours[1]["embedding"]);
  const Json one = serving.post("/api/embeddings", {{"prompt", "And God said"}}).json();
  EXPECT_EQ(one["embedding"], ours[0]["embedding"]);
  std::string text;
  for (int i = 0; i < 600; ++i) text += "and ";
  const auto reply = serving.post("/api/embed", {{"input", text}, {"truncate", true}});
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.json()["error"].get<std::string>(), HasSubstr("the context holds 512"));
}

// A model that writes what a test says.
class OllamaScript : public testing::Test {
 protected:
  std::unique_ptr<test::Serving> serve(std::vector<std::string> answer) {
    const std::string path = (folder_ / "scripted.gguf").string();
    const Status written = test::ScriptedModel{.answer = std::move(answer)}.write(path);
    EXPECT_TRUE(written) << written.error().message;
    return std::make_unique<test::Serving>(serve::ServerOptions(), 4096, "", 512, path);
  }
  static Json question() {
    return {{"messages", {{{"role", "user"}, {"content", "?"}}}},
            {"options", {{"temperature", 0}}},
            {"stream", false}};
  }

  test::TemporaryFolder folder_;
};

TEST_F(OllamaScript, ThinkingIsApart) {
  const auto serving = serve({"<think>", "Hm.", "</think>", "Yes."});
  const Json message = serving->post("/api/chat", question()).json()["message"];
  EXPECT_EQ(message["thinking"], "Hm.");
  EXPECT_EQ(message["content"], "Yes.");
  const Json body = {{"prompt", "?"}, {"options", {{"temperature", 0}}}, {"stream", false}};
  const Json generated = serving->post("/api/generate", body).json();
  EXPECT_EQ(generated["thinking"], "Hm.");
  EXPECT_EQ(generated["response"], "Yes.");
}

TEST_F(OllamaScript, CallsOfTools) {
  const auto serving = serve(
      {"<tool_call>", R"({"name": "get_time", "arguments": {"zone": "UTC"}})", "</tool_call>"});
  Json body = question();
  body["tools"] = {Json::parse(R"({"type": "function", "function": {"name": "get_time",
    "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}}}})")};
  const Json calls = serving->post("/api/chat", body).json()["message"]["tool_calls"];
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0]["function"]["name"], "get_time");
  EXPECT_EQ(calls[0]["function"]["arguments"]["zone"], "UTC");
  body["stream"] = true;
  EXPECT_EQ(lines_of(serving->post("/api/chat", body))[0]["message"]["tool_calls"][0]["function"],
            calls[0]["function"]);
}

}  // namespace
}  // namespace linnet
