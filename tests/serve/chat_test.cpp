#include <gmock/gmock.h>

#include "serve/serving.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

class Chat : public testing::Test {
 protected:
  static Json question() {
    return {{"messages", Json::array({{{"role", "user"}, {"content", "Who made the heaven?"}}})},
            {"max_tokens", 16},
            {"temperature", 0}};
  }
  test::Serving serving;
};

TEST_F(Chat, AnswersAsTheAssistant) {
  const auto reply = serving.post("/v1/chat/completions", question());
  ASSERT_EQ(reply.status, 200) << reply.body;
  const Json json = reply.json();
  EXPECT_EQ(json["object"], "chat.completion");
  EXPECT_EQ(json["choices"][0]["message"]["role"], "assistant");
  EXPECT_FALSE(json["choices"][0]["message"]["content"].get<std::string>().empty());
  EXPECT_EQ(json["choices"][0]["finish_reason"], "length");
  EXPECT_EQ(json["usage"]["completion_tokens"], 16);
}

TEST_F(Chat, LlamaCppsNamesCountToo) {
  Json body = question();
  body.update({{"n_cmpl", 2}, {"n_probs", 3}});
  const Json choices = serving.post("/v1/chat/completions", body).json()["choices"];
  ASSERT_EQ(choices.size(), 2u) << choices;
  EXPECT_EQ(choices[1]["logprobs"]["content"][0]["top_logprobs"].size(), 3u);
}

// As clients do that want a later question answered faster.
TEST_F(Chat, NoTokensOnlyComputeThePrompt) {
  Json body = question();
  for (int i = 0; i < 20; ++i) {
    body["messages"][0]["content"] =
        body["messages"][0]["content"].get<std::string>() + " And why?";
  }
  for (const char* const path : {"/v1/chat/completions", "/v1/messages"}) {
    body["max_tokens"] = 0;
    const auto reply = serving.post(path, body);
    ASSERT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.json().value("stop_reason", "max_tokens"), "max_tokens");
    EXPECT_EQ(reply.json().value("content", Json::array()), Json::array());
    body["stream"] = true;
    EXPECT_EQ(serving.post(path, body).status, 200);
    body.erase("stream");
  }
  body["max_tokens"] = 0;
  const Json empty = serving.post("/v1/chat/completions", body).json();
  EXPECT_EQ(empty["choices"][0]["message"]["content"], "");
  EXPECT_EQ(empty["choices"][0]["finish_reason"], "length");
  EXPECT_EQ(empty["usage"]["completion_tokens"], 0);
  EXPECT_GE(empty["usage"]["prompt_tokens_details"]["cached_tokens"], 64);
}

TEST_F(Chat, StreamHasTheSameContent) {
  Json body = question();
  body["n"] = 2;
  const Json whole = serving.post("/v1/chat/completions", body).json()["choices"];
  body["stream"] = true;
  const auto reply = serving.post("/v1/chat/completions", body);
  std::vector<std::string> streamed(2);
  for (const Json& event : test::events_of(reply)) {
    EXPECT_EQ(event["object"], "chat.completion.chunk");
    for (const Json& choice : event["choices"]) {
      streamed[choice["index"]] += choice["delta"].value("content", "");
    }
  }
  EXPECT_EQ(streamed[0], whole[0]["message"]["content"]);
  EXPECT_EQ(streamed[1], whole[1]["message"]["content"]);
}

TEST_F(Chat, AnswersNameTheFileOfTheirModel) {
  Json body = question();
  const Json whole = serving.post("/v1/chat/completions", body).json();
  const std::string fingerprint = whole["system_fingerprint"];
  EXPECT_THAT(fingerprint, testing::MatchesRegex("fp_[0-9a-f]+"));
  EXPECT_EQ(serving.post("/v1/completions", {{"prompt", "a"}}).json()["system_fingerprint"],
            fingerprint);
  body["stream"] = true;
  const auto events = test::events_of(serving.post("/v1/chat/completions", body));
  EXPECT_GT(events.size(), 1u);
  for (const Json& event : events) EXPECT_EQ(event["system_fingerprint"], fingerprint);
}

TEST_F(Chat, WrongMessagesAreNamed) {
  const auto param_of = [&](const Json& messages) {
    Json body = question();
    body["messages"] = messages;
    const auto reply = serving.post("/v1/chat/completions", body);
    EXPECT_EQ(reply.status, 400) << reply.body;
    return reply.json()["error"]["param"].get<std::string>();
  };
  EXPECT_EQ(param_of("hello"), "messages");
  EXPECT_EQ(param_of(Json::array()), "messages");
  EXPECT_EQ(param_of(Json::array({"hello"})), "messages[0]");
  EXPECT_EQ(param_of(Json::array({{{"role", 1}, {"content", "a"}}})), "messages[0].role");
  EXPECT_EQ(param_of(Json::array({{{"role", "foo"}, {"content", "a"}}})), "messages[0].role");
  EXPECT_EQ(param_of(Json::array({{{"role", ""}, {"content", "a"}}})), "messages[0].role");
  EXPECT_EQ(param_of(Json::array({{{"role", "user"}}})), "messages[0].content");
  EXPECT_EQ(param_of(Json::array({{{"role", "user"}, {"content", nullptr}}})),
            "messages[0].content");
  EXPECT_EQ(param_of(Json::array({{{"role", "user"}, {"content", 5}}})), "messages[0].content");
  EXPECT_EQ(
      param_of(Json::parse(R"([{"role": "user", "content": [{"type": "text", "text": 1}]}])")),
      "messages[0].content[0].text");
  EXPECT_EQ(param_of(Json::parse(R"([{"role": "assistant", "tool_calls": [{"function": {}}]}])")),
            "messages[0].tool_calls[0].function.name");
  EXPECT_EQ(param_of(Json::parse(R"([{"role": "user", "content": [{"type": "image_url"}]}])")),
            "messages[0].content[0].image_url");
  EXPECT_EQ(param_of(Json::parse(R"([{"role": "user", "content": [{"type": "sound"}]}])")),
            "messages[0].content[0].type");
  EXPECT_EQ(param_of(Json::parse(R"([{"role": "user", "content": [{"type": "text"}]}])")),
            "messages[0].content[0].text");
}

TEST_F(Chat, WhatIsNotSupportedIsNamed) {
  const std::vector<std::pair<const char*, Json>> fields = {
      {"functions", Json::array({{{"name", "f"}}})},
      {"function_call", "auto"},
      {"audio", {{"voice", "a"}}},
      {"modalities", {"text", "audio"}},
      {"web_search_options", Json::object()},
      {"verbosity", 5},
  };
  for (const auto& [name, value] : fields) {
    Json body = question();
    body[name] = value;
    const auto reply = serving.post("/v1/chat/completions", body);
    EXPECT_EQ(reply.status, 400) << name;
    EXPECT_EQ(reply.json()["error"]["param"], name);
  }
  Json body = question();
  body["modalities"] = {"text"};
  EXPECT_EQ(serving.post("/v1/chat/completions", body).status, 200);
}

// As llama.cpp's server has it; the pages of its clients read how fast the model is.
TEST_F(Chat, TheLastPartOfAStreamHasTimings) {
  Json body = question();
  body["stream"] = true;
  body["prompt"] = "In the beginning";
  for (const char* const path : {"/v1/chat/completions", "/v1/completions"}) {
    const auto events = test::events_of(serving.post(path, body));
    for (const Json& event : events) {
      EXPECT_EQ(event.contains("timings"), &event == &events.back()) << path << ": " << event;
    }
    EXPECT_EQ(events.back()["timings"]["predicted_n"], 16);
  }
}

TEST_F(Chat, NoAnswerNeedsToBegin) {
  Json body = question();
  const auto tokens = [&](const char* path) { return serving.post(path, body).json(); };
  const int with = tokens("/v1/chat/completions/input_tokens")["input_tokens"];
  body["add_generation_prompt"] = false;
  const int without = tokens("/v1/chat/completions/input_tokens")["input_tokens"];
  EXPECT_LT(without, with);
  EXPECT_EQ(tokens("/v1/chat/completions")["usage"]["prompt_tokens"], without);
  // As vLLM's clients have one go on.
  body["messages"].push_back({{"role", "assistant"}, {"content", "It was"}});
  body["continue_final_message"] = true;
  EXPECT_THAT(tokens("/apply-template")["prompt"].get<std::string>(),
              testing::EndsWith("<|im_start|>assistant\nIt was"));
}

TEST_F(Chat, AnAnswerMayBeBegun) {
  Json body = question();
  body["messages"].push_back({{"role", "assistant"}, {"content", "It was"}});
  EXPECT_THAT(serving.post("/apply-template", body).json()["prompt"].get<std::string>(),
              testing::EndsWith("It was<|im_end|>\n<|im_start|>assistant\n"));
  body["continue_final_message"] = true;
  EXPECT_THAT(serving.post("/apply-template", body).json()["prompt"].get<std::string>(),
              testing::EndsWith("<|im_start|>assistant\nIt was"));
  body["messages"].back()["tool_calls"] = nullptr;  // as some clients write
  EXPECT_EQ(serving.post("/apply-template", body).status, 200);
  body["response_format"] = {{"type", "json_object"}};
  const auto refused = serving.post("/v1/chat/completions", body);
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.json()["error"]["param"], "messages");
}

TEST_F(Chat, LogprobsOfEachToken) {
  Json body = question();
  body["logprobs"] = true;
  body["top_logprobs"] = 3;
  const Json whole =
      serving.post("/v1/chat/completions", body).json()["choices"][0]["logprobs"]["content"];
  ASSERT_EQ(whole.size(), 16u);
  for (const Json& of : whole) {
    ASSERT_EQ(of["top_logprobs"].size(), 3u);
    EXPECT_EQ(of["logprob"], of["top_logprobs"][0]["logprob"]);  // greedy takes the likeliest
    EXPECT_LE(of["top_logprobs"][1]["logprob"], of["top_logprobs"][0]["logprob"]);
    EXPECT_EQ(of["bytes"].size(), of["token"].get<std::string>().size());
  }
  body["stream"] = true;
  Json streamed = Json::array();
  for (const Json& event : test::events_of(serving.post("/v1/chat/completions", body))) {
    for (const Json& of : event["choices"][0]["logprobs"]["content"]) streamed.push_back(of);
  }
  EXPECT_EQ(streamed, whole);
  body.erase("logprobs");
  EXPECT_EQ(serving.post("/v1/chat/completions", body).json()["error"]["param"], "top_logprobs");
}

TEST_F(Chat, DevelopersSpeakAsTheSystem) {
  const auto prompt_of = [&](const char* role) {
    const Json messages = {{{"role", role}, {"content", "Be brief."}},
                           {{"role", "user"}, {"content", "Who?"}}};
    return serving.post("/apply-template", {{"messages", messages}}).json()["prompt"];
  };
  EXPECT_EQ(prompt_of("developer"), prompt_of("system"));
}

// Templates of today know results of tools by that name only.
TEST_F(Chat, FunctionsAnswerAsTools) {
  const auto prompt_of = [&](const char* role) {
    const Json messages = {{{"role", "user"}, {"content", "Time?"}},
                           {{"role", role}, {"name", "clock"}, {"content", "12"}}};
    return serving.post("/apply-template", {{"messages", messages}}).json()["prompt"];
  };
  EXPECT_EQ(prompt_of("function"), prompt_of("tool"));
}

TEST(ChatRoles, ThoseThatTheTemplateNamesAreTaken) {
  const test::TemporaryFolder folder;
  const std::string path = (folder / "roles.jinja").string();
  test::write_file(path,
                   "{% for m in messages %}{% if m.role in ['documents', \"function\", 'user'] %}"
                   "<{{ m.role }}>{{ m.content }}\n{% endif %}{% endfor %}");
  const test::Serving serving({}, 4096, path);
  const auto reply_to = [&](const char* role) {
    const Json messages = {{{"role", role}, {"content", "a text"}},
                           {{"role", "user"}, {"content", "Who?"}}};
    return serving.post("/apply-template", {{"messages", messages}});
  };
  for (const char* const role : {"documents", "function"}) {
    EXPECT_THAT(reply_to(role).body, HasSubstr(std::string("<") + role + ">a text"));
  }
  for (const char* const role : {"document", ""}) {
    EXPECT_EQ(reply_to(role).json()["error"]["param"], "messages[0].role") << role;
  }
}

TEST_F(Chat, TheRenderedPromptHasAllWarnings) {
  Json body = question();
  body["tools"] = {{{"type", "web_search"}}};
  EXPECT_THAT(serving.post("/apply-template", body).body, HasSubstr("tools[0] is left out"));
}

// As in DeepSeek's: what is in quotes need not be a role.
TEST(ChatRoles, WhatATemplateCallsAMemberIsNone) {
  const test::TemporaryFolder folder;
  const std::string path = (folder / "members.jinja").string();
  test::write_file(path,
                   "{% for m in messages %}{% if m['role'] == 'tool' %}<result>{{ m['content'] }}"
                   "{% elif m['role'] == 'user' %}<user>{{ m['content'] }}{% endif %}"
                   "{% for tool in m['tool_calls'] or [] %}{% if tool['type'] == 'function' %}"
                   "{{ tool['function']['name'] }}{% endif %}{% endfor %}{% endfor %}");
  const test::Serving serving({}, 4096, path);
  const auto reply_to = [&](const char* role) {
    const Json messages = {{{"role", "user"}, {"content", "Who?"}},
                           {{"role", role}, {"content", "12"}}};
    return serving.post("/apply-template", {{"messages", messages}});
  };
  EXPECT_THAT(reply_to("function").body, HasSubstr("12"));
  EXPECT_EQ(reply_to("function").body, reply_to("tool").body);
  for (const char* const member : {"name", "content", "tool_calls"}) {
    EXPECT_EQ(reply_to(member).json()["error"]["param"], "messages[1].role") << member;
  }
}

TEST_F(Chat, UsageInAStreamIsOfTheLastEvent) {
  Json body = question();
  body["stream"] = true;
  body["stream_options"] = {{"include_usage", true}};
  const auto events = test::events_of(serving.post("/v1/chat/completions", body));
  for (std::size_t i = 0; i + 1 < events.size(); ++i) EXPECT_TRUE(events[i]["usage"].is_null());
  EXPECT_EQ(events.back()["usage"]["completion_tokens"], 16);
  EXPECT_TRUE(events.back()["choices"].empty());
  EXPECT_GT(events.back()["timings"]["total_s"], 0.0);
}

// The template has no place for tools, so that their results become text.
TEST_F(Chat, ResultsOfToolsAreNamedWhereTheyHaveAName) {
  const auto prompt_of = [&](const Json& name, const Json& id) {
    const Json body = {
        {"messages",
         Json::array(
             {{{"role", "user"}, {"content", "Time?"}},
              {{"role", "tool"}, {"name", name}, {"tool_call_id", id}, {"content", "12"}}})}};
    const auto reply = serving.post("/apply-template", body);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.json().value("prompt", "");
  };
  EXPECT_THAT(prompt_of("clock", "c1"), HasSubstr("Result of clock:\n12"));
  for (const Json& odd : {Json(), Json(5), Json::array(), Json::object()}) {
    EXPECT_THAT(prompt_of(odd, "c1"), HasSubstr("Result of c1:\n12"));
    EXPECT_THAT(prompt_of(odd, odd), HasSubstr("Result of the function:\n12"));
  }
}

// The template knows enable_thinking.
class Thinking : public testing::Test {
 protected:
  static Json question() { return {{"messages", {{{"role", "user"}, {"content", "Who?"}}}}}; }
  static std::string prompt_of(const test::Serving& serving, const Json& fields) {
    Json body = question();
    body.update(fields);
    return serving.post("/apply-template", body).json()["prompt"];
  }
  static const Json kOn, kOff;
};
const Json Thinking::kOn = {{"chat_template_kwargs", {{"enable_thinking", true}}}};
const Json Thinking::kOff = {{"chat_template_kwargs", {{"enable_thinking", false}}}};

TEST_F(Thinking, IsToldAsASwitchOfTheModel) {
  const test::Serving serving({}, 4096, test::kThinkingTemplate);
  const Json model = serving.get("/v1/models").json()["data"][0];
  EXPECT_EQ(model["enable_thinking"], false);
  EXPECT_THAT(model["capabilities"], testing::Contains("thinking"));
  const test::Serving other;
  const Json plain = other.get("/v1/models").json()["data"][0];
  EXPECT_TRUE(plain["enable_thinking"].is_null());
  EXPECT_THAT(plain["capabilities"], testing::Not(testing::Contains("thinking")));
}

TEST_F(Thinking, IsAsTheServerHasItWhereARequestSaysNothing) {
  const test::Serving plain({}, 4096, test::kThinkingTemplate);
  const std::string on = prompt_of(plain, kOn), off = prompt_of(plain, kOff);
  ASSERT_NE(on, off);
  for (const bool thinks : {false, true}) {
    test::Serving::TemplateVariables variables{{"enable_thinking", thinks}};
    const test::Serving serving({}, 4096, test::kThinkingTemplate, 512, test::kBundledModel, "",
                                variables);
    EXPECT_EQ(prompt_of(serving, Json::object()), thinks ? on : off);
    EXPECT_EQ(prompt_of(serving, kOn), on);
    EXPECT_EQ(prompt_of(serving, kOff), off);
    EXPECT_EQ(prompt_of(serving, {{"reasoning_effort", "none"}}), off);
    EXPECT_EQ(serving.get("/v1/models").json()["data"][0]["enable_thinking"], thinks);
  }
}

TEST_F(Chat, ApplyTemplateShowsThePrompt) {
  const auto reply = serving.post("/apply-template", question());
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_THAT(reply.json()["prompt"].get<std::string>(),
              HasSubstr("<|im_start|>user\nWho made the heaven?<|im_end|>"));
}

TEST_F(Chat, TokensOfAConversationAreCounted) {
  const Json usage = serving.post("/v1/chat/completions", question()).json()["usage"];
  const Json counted = serving.post("/v1/chat/completions/input_tokens", question()).json();
  EXPECT_EQ(counted,
            Json({{"object", "response.input_tokens"}, {"input_tokens", usage["prompt_tokens"]}}));
  EXPECT_EQ(serving.post("/v1/responses/input_tokens", {{"input", "Who made the heaven?"}}).json(),
            counted);
}

TEST_F(Chat, ARefusalIsText) {
  const auto prompt_with = [&](const Json& part) {
    Json body = question();
    body["messages"].push_back({{"role", "assistant"}, {"content", Json::array({part})}});
    return serving.post("/apply-template", body).json()["prompt"];
  };
  EXPECT_EQ(prompt_with({{"type", "refusal"}, {"refusal", "No."}}),
            prompt_with({{"type", "text"}, {"text", "No."}}));
}

TEST_F(Chat, TokenizeAndBack) {
  const std::string text = "And God saw the light.";
  const Json ids = serving.post("/tokenize", {{"content", text}}).json()["tokens"];
  EXPECT_GT(ids.size(), 3u);
  EXPECT_EQ(serving.post("/detokenize", {{"tokens", ids}}).json()["content"], text);
}

TEST_F(Chat, TokenizeShowsPieces) {
  const auto tokens_of = [&](const char* text, bool with_pieces) {
    const Json body = {{"content", text}, {"with_pieces", with_pieces}};
    return serving.post("/tokenize", body).json()["tokens"];
  };
  const Json ids = tokens_of("And \"God\"\n", false), tokens = tokens_of("And \"God\"\n", true);
  ASSERT_EQ(tokens.size(), ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(tokens[i]["id"], ids[i]);
  EXPECT_EQ(tokens[0]["piece"], " And");
  EXPECT_EQ(tokens.back()["piece"], "\n");
  EXPECT_EQ(tokens_of("", true), Json::array());
  // A part of a character is no text.
  EXPECT_EQ(tokens_of("\u20ac", true).back()["piece"], Json({0xac}));
}

// By vLLM's fields: of a text, or of a conversation.
TEST_F(Chat, TokenizeAsVllmHasIt) {
  const Json ids =
      serving.post("/tokenize", {{"content", "And God"}, {"add_special", true}}).json()["tokens"];
  Json reply = serving.post("/tokenize", {{"prompt", "And God"}}).json();
  EXPECT_EQ(reply["tokens"], ids);
  EXPECT_EQ(reply["count"], ids.size());
  EXPECT_EQ(reply["max_model_len"], 512);
  EXPECT_TRUE(reply["token_strs"].is_null());
  const Json bare = {
      {"prompt", "And God"}, {"add_special_tokens", false}, {"return_token_strs", true}};
  reply = serving.post("/tokenize", bare).json();
  EXPECT_EQ(reply["tokens"], serving.post("/tokenize", {{"content", "And God"}}).json()["tokens"]);
  EXPECT_EQ(reply["token_strs"], Json({" And", " God"}));
  reply = serving.post("/tokenize", question()).json();
  EXPECT_EQ(reply["count"],
            serving.post("/v1/chat/completions/input_tokens", question()).json()["input_tokens"]);
  EXPECT_EQ(reply["tokens"].size(), reply["count"]);
  Json unanswered = question();
  unanswered["add_generation_prompt"] = false;
  EXPECT_LT(serving.post("/tokenize", unanswered).json()["count"], reply["count"]);
}

TEST_F(Chat, TokenizeIsBounded) {
  std::string text;  // a token a byte, nearly
  for (int i = 0; i < 5'000'000; ++i) text += static_cast<char>('0' + i * 7 % 10);
  const auto reply = serving.post("/tokenize", {{"content", text}});
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.json()["error"]["message"], HasSubstr(" tokens, expected at most 4194304"));
}

TEST_F(Chat, DetokenizeIsBounded) {
  const auto reply = serving.post("/detokenize", {{"tokens", std::vector<int>(1'048'577, 9)}});
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.json()["error"]["message"], "tokens: at most 1048576 elements, found 1048577");
}

}  // namespace
}  // namespace linnet
