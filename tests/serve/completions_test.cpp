#include <gmock/gmock.h>

#include <thread>

#include "serve/serving.hpp"

namespace linnet {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

Json completion(std::string_view prompt, int max_tokens = 24) {
  return {{"prompt", prompt}, {"max_tokens", max_tokens}, {"temperature", 0}};
}

std::string text_of(const test::HttpReply& reply) { return reply.json()["choices"][0]["text"]; }

class Completions : public testing::Test {
 protected:
  test::Serving serving;
};

TEST_F(Completions, AnswerHasTextUsageAndTimings) {
  const auto reply = serving.post("/v1/completions", completion("In the beginning"));
  ASSERT_EQ(reply.status, 200) << reply.body;
  const Json json = reply.json();
  EXPECT_EQ(json["object"], "text_completion");
  EXPECT_EQ(json["model"], "linnet-kjv");
  EXPECT_FALSE(text_of(reply).empty());
  EXPECT_EQ(json["choices"][0]["finish_reason"], "length");
  EXPECT_EQ(json["usage"]["completion_tokens"], 24);
  EXPECT_GT(json["usage"]["prompt_tokens"], 2);
  EXPECT_GT(json["timings"]["time_to_first_token_s"], 0.0);
  EXPECT_GT(json["timings"]["generation_tokens_per_second"], 0.0);
}

// It came with the prompt.
TEST_F(Completions, OneTokenHasNoRate) {
  Json body = completion("In the beginning");
  body["max_tokens"] = 1;
  const Json timings = serving.post("/v1/completions", body).json()["timings"];
  EXPECT_TRUE(timings["generation_tokens_per_second"].is_null()) << timings;
  EXPECT_GT(timings["prompt_tokens_per_second"], 0.0);
}

TEST_F(Completions, StreamHasTheSameText) {
  Json body = completion("And God said");
  const std::string whole = text_of(serving.post("/v1/completions", body));
  body["stream"] = true;
  body["stream_options"] = {{"include_usage", true}};
  const auto reply = serving.post("/v1/completions", body);
  EXPECT_THAT(reply.head, HasSubstr("text/event-stream"));
  EXPECT_THAT(reply.body, testing::EndsWith("data: [DONE]\n\n"));
  std::string streamed;
  std::string reason;
  Json usage;
  for (const Json& event : test::events_of(reply)) {
    for (const Json& choice : event["choices"]) {
      streamed += choice["text"];
      if (choice["finish_reason"].is_string()) reason = choice["finish_reason"];
    }
    if (event.contains("usage")) usage = event["usage"];
  }
  EXPECT_EQ(streamed, whole);
  EXPECT_EQ(reason, "length");
  EXPECT_EQ(usage["completion_tokens"], 24);
}

TEST_F(Completions, TokensAndTextAreTheSamePrompt) {
  const std::string prompt = "And it came to pass";
  const Json ids =
      serving.post("/tokenize", {{"content", prompt}, {"add_special", true}}).json()["tokens"];
  Json body = completion("");
  body["prompt"] = ids;
  EXPECT_EQ(text_of(serving.post("/v1/completions", body)),
            text_of(serving.post("/v1/completions", completion(prompt))));
}

TEST_F(Completions, EchoPutsThePromptBefore) {
  Json body = completion("The LORD is my");
  const std::string text = text_of(serving.post("/v1/completions", body));
  body["echo"] = true;
  EXPECT_EQ(text_of(serving.post("/v1/completions", body)), "The LORD is my" + text);
}

// In OpenAI's API they are those of the prompt, too, which programs that score texts count on.
// A prompt and its end, as programs that score answers ask for them.
Json scored(const Json& prompt, int max_tokens = 1) {
  return {{"prompt", prompt},
          {"max_tokens", max_tokens},
          {"temperature", 0},
          {"echo", true},
          {"logprobs", 2}};
}

TEST_F(Completions, EchoHasTheLogprobsOfThePrompt) {
  const std::string prompt = "In the beginning God created";
  const Json choice = serving.post("/v1/completions", scored(prompt, 3)).json()["choices"][0];
  const std::string text = choice["text"];
  EXPECT_THAT(text, testing::StartsWith(prompt));
  const Json& logprobs = choice["logprobs"];
  const Json ids =
      serving.post("/tokenize", {{"content", prompt}, {"add_special", true}}).json()["tokens"];
  ASSERT_EQ(logprobs["tokens"].size(), ids.size() + 3);
  for (const char* const list : {"token_logprobs", "top_logprobs", "text_offset"}) {
    EXPECT_EQ(logprobs[list].size(), ids.size() + 3) << list;
  }
  EXPECT_TRUE(logprobs["token_logprobs"][0].is_null());
  EXPECT_TRUE(logprobs["top_logprobs"][0].is_null());
  for (std::size_t i = 1; i < logprobs["tokens"].size(); ++i) {
    const auto token = logprobs["tokens"][i].get<std::string>();
    const double logprob = logprobs["token_logprobs"][i];
    EXPECT_LE(logprob, 0.0);
    EXPECT_EQ(logprobs["top_logprobs"][i][token], logprob) << "also where it is not likely";
    const std::size_t offset = logprobs["text_offset"][i];
    const bool has_space = offset == 0 && token.starts_with(' ');  // that a text begins without
    EXPECT_EQ(text.substr(offset, token.size() - has_space), token.substr(has_space)) << i;
  }
}

// What is said of a token does not depend on whether it was drawn or given, nor on what the cache
// holds.
TEST_F(Completions, LogprobsOfAPromptAreThoseOfTheSameText) {
  Json ids = serving.post("/tokenize", {{"content", "In the beginning"}, {"add_special", true}})
                 .json()["tokens"];
  const std::size_t given = ids.size();
  const Json drawn =
      serving
          .post("/completion",
                {{"prompt", ids}, {"n_predict", 8}, {"temperature", 0}, {"n_probs", 2}})
          .json()["completion_probabilities"];
  ASSERT_EQ(drawn.size(), 8u);
  for (const Json& token : drawn) ids.push_back(token["id"]);
  const Json reply = serving.post("/v1/completions", scored(ids, 0)).json();
  const Json& choice = reply["choices"][0];
  const Json& logprobs = choice["logprobs"]["token_logprobs"];
  ASSERT_EQ(logprobs.size(), ids.size());
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    EXPECT_EQ(logprobs[given + i], drawn[i]["logprob"]) << i;
  }
  EXPECT_EQ(choice["finish_reason"], "length");
  EXPECT_EQ(reply["usage"]["completion_tokens"], 0);
  EXPECT_EQ(reply["usage"]["prompt_tokens_details"]["cached_tokens"], 0);
  EXPECT_EQ(serving.post("/v1/completions", scored(ids, 0)).json()["choices"][0], choice);
}

// They come with the echo, before the text.
TEST_F(Completions, AStreamHasTheLogprobsOfThePromptAtOnce) {
  Json body = scored({"In the beginning", "And God said"}, 4);
  const Json whole = serving.post("/v1/completions", body).json()["choices"];
  body["stream"] = true;
  std::vector<Json> choices(2);
  for (const Json& event : test::events_of(serving.post("/v1/completions", body))) {
    for (const Json& part : event["choices"]) {
      Json& choice = choices[part["index"].get<std::size_t>()];
      if (choice.is_null()) {
        EXPECT_GT(part["logprobs"]["tokens"].size(), 1u) << "of the prompt";
        choice = part;
        continue;
      }
      choice["text"] = choice["text"].get<std::string>() + part["text"].get<std::string>();
      choice["finish_reason"] = part["finish_reason"];
      if (part["logprobs"].is_null()) continue;
      for (const auto& [name, list] : part["logprobs"].items()) {
        for (const Json& one : list) choice["logprobs"][name].push_back(one);
      }
    }
  }
  EXPECT_EQ(choices[0], whole[0]);
  EXPECT_EQ(choices[1], whole[1]);
}

// lm-evaluation-harness leaves the last token away, whatever it is.
TEST_F(Completions, AScoredTextTellsOfTheTokenThatEndsIt) {
  Json body = scored("In the beginning");
  const Json first = serving.post("/v1/completions", body).json()["choices"][0];
  const std::size_t tokens = first["logprobs"]["tokens"].size();
  body["logit_bias"] = {{"2", 100}};  // </s>
  const Json choice = serving.post("/v1/completions", body).json()["choices"][0];
  EXPECT_EQ(choice["finish_reason"], "stop");
  EXPECT_EQ(choice["text"], "In the beginning");
  EXPECT_EQ(choice["logprobs"]["tokens"].size(), tokens);
  EXPECT_EQ(choice["logprobs"]["tokens"].back(), "</s>");
}

TEST_F(Completions, EachChoiceHasTheLogprobsOfItsPrompt) {
  Json body = scored("And it came to pass", 2);
  body["n"] = 2;
  body["temperature"] = 1;
  const Json choices = serving.post("/v1/completions", body).json()["choices"];
  ASSERT_EQ(choices.size(), 2u);
  const std::size_t tokens = choices[0]["logprobs"]["tokens"].size() - 2;
  for (std::size_t i = 0; i < tokens; ++i) {
    EXPECT_EQ(choices[0]["logprobs"]["token_logprobs"][i],
              choices[1]["logprobs"]["token_logprobs"][i]);
  }
}

TEST_F(Completions, NoTokensMayBeAskedFor) {
  Json body = completion("In the beginning God created", 0);
  const Json reply = serving.post("/v1/completions", body).json();
  EXPECT_EQ(reply["choices"][0]["text"], "");
  EXPECT_EQ(reply["choices"][0]["finish_reason"], "length");
  body["max_tokens"] = 2;
  const Json next = serving.post("/v1/completions", body).json()["usage"];
  EXPECT_EQ(next["prompt_tokens_details"]["cached_tokens"], next["prompt_tokens"].get<int>() - 1);
}

TEST_F(Completions, AStopStringEndsTheText) {
  Json body = completion("And he said unto them,");
  const std::string text = text_of(serving.post("/v1/completions", body));
  ASSERT_GT(text.size(), 20u);
  const std::string stop = text.substr(10, 6);
  body["stop"] = Json::array({"no such text", stop});
  const auto reply = serving.post("/v1/completions", body);
  EXPECT_EQ(text_of(reply), text.substr(0, text.find(stop)));
  EXPECT_EQ(reply.json()["choices"][0]["finish_reason"], "stop");
}

TEST_F(Completions, ASeedGivesTheSameTextAndChoicesDiffer) {
  Json body = completion("And the king");
  body["temperature"] = 1.5;
  body["seed"] = 7;
  body["n"] = 2;
  const Json first = serving.post("/v1/completions", body).json()["choices"];
  const Json second = serving.post("/v1/completions", body).json()["choices"];
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first, second);
  EXPECT_NE(first[0]["text"], first[1]["text"]);
}

TEST_F(Completions, ASeedOfMinusOneIsNone) {
  Json body = completion("And the king", 30);
  body["temperature"] = 1.5;
  body["seed"] = -1;
  const std::string first = text_of(serving.post("/v1/completions", body));
  EXPECT_NE(text_of(serving.post("/v1/completions", body)), first);
}

TEST_F(Completions, APromptThatCameBeforeIsCached) {
  std::string prompt;
  for (int i = 0; i < 30; ++i) prompt += "And the children of Israel went up. ";
  const auto cached = [&] {
    const auto reply = serving.post("/v1/completions", completion(prompt, 2));
    return reply.json()["usage"]["prompt_tokens_details"]["cached_tokens"].get<int>();
  };
  EXPECT_EQ(cached(), 0);
  EXPECT_GE(cached(), 64);
}

TEST_F(Completions, SeveralPromptsInOneRequest) {
  const std::vector<std::string> prompts = {"In the beginning", "And God said"};
  Json body = completion("");
  body["n"] = 2;
  body["prompt"] = prompts;
  const Json json = serving.post("/v1/completions", body).json();
  ASSERT_EQ(json["choices"].size(), 4u);
  std::int64_t prompt_tokens = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(json["choices"][i]["index"], i);
    const auto alone = serving.post("/v1/completions", completion(prompts[i / 2]));
    EXPECT_EQ(json["choices"][i]["text"], text_of(alone));
    if (i % 2 == 0) prompt_tokens += alone.json()["usage"]["prompt_tokens"].get<std::int64_t>();
  }
  EXPECT_EQ(json["usage"]["prompt_tokens"], prompt_tokens);
  EXPECT_EQ(json["usage"]["completion_tokens"], 4 * 24);
}

TEST_F(Completions, LogprobsStandWhereTheirTokensDo) {
  Json body = completion("In the beginning", 8);
  body["logprobs"] = 2;
  const Json choice = serving.post("/v1/completions", body).json()["choices"][0];
  const auto text = choice["text"].get<std::string>();
  const Json& logprobs = choice["logprobs"];
  ASSERT_EQ(logprobs["tokens"].size(), 8u);
  for (std::size_t i = 0; i < 8; ++i) {
    const auto token = logprobs["tokens"][i].get<std::string>();
    EXPECT_EQ(text.substr(logprobs["text_offset"][i], token.size()), token);
    EXPECT_EQ(logprobs["top_logprobs"][i].size(), 2u);
    EXPECT_EQ(logprobs["top_logprobs"][i][token], logprobs["token_logprobs"][i]);
  }
}

TEST_F(Completions, SamplersReadTheirFields) {
  const std::string greedy = text_of(serving.post("/v1/completions", completion("And the king")));
  const auto drawn = [&](const Json& fields) {
    Json body = completion("And the king");
    body["temperature"] = 2.0;
    body["seed"] = 3;
    body.update(fields);
    const auto reply = serving.post("/v1/completions", body);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return text_of(reply);
  };
  EXPECT_NE(drawn(Json::object()), greedy);
  EXPECT_EQ(drawn({{"top_k", 1}}), greedy);
  EXPECT_EQ(drawn({{"top_p", 0.0}}), greedy);
  EXPECT_EQ(drawn({{"min_p", 1.0}}), greedy);
  EXPECT_EQ(drawn({{"top_n_sigma", 0.0001}}), greedy);
  for (const char* const field :
       {"repeat_penalty", "frequency_penalty", "presence_penalty", "mirostat"}) {
    EXPECT_NE(drawn({{field, 2}}), drawn(Json::object())) << field;
  }
}

TEST_F(Completions, LogitBiasBansAndForces) {
  const Json ids = serving.post("/tokenize", {{"content", "of the"}}).json()["tokens"];
  const std::string id = std::to_string(ids.back().get<int>());
  Json body = completion("And", 4);
  body["logit_bias"] = {{id, 100}};
  EXPECT_EQ(text_of(serving.post("/v1/completions", body)), " the the the the");
  body["logit_bias"] = {{id, -100}};
  body["max_tokens"] = 100;
  EXPECT_THAT(text_of(serving.post("/v1/completions", body)), testing::Not(HasSubstr(" the ")));
}

std::vector<Json> mixed_requests() {
  std::vector<Json> requests;
  const std::vector<std::string> beginnings = {"In the beginning", "And God said", "Blessed are",
                                               "The words of"};
  for (int i = 0; i < 8; ++i) {
    Json body = completion(beginnings[i % 4], 16 + 11 * i);
    if (i % 2 == 1) {
      body["temperature"] = 1.0;
      body["seed"] = i;
    }
    if (i == 5) {
      std::string prompt;
      for (int k = 0; k < 20; ++k) prompt += "and the sons of the men of the city, ";
      body["prompt"] = prompt;
    }
    requests.push_back(body);
  }
  return requests;
}

std::vector<std::string> texts_together(const test::Serving& serving,
                                        const std::vector<Json>& requests) {
  std::vector<std::string> texts(requests.size());
  std::vector<std::thread> clients;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    clients.emplace_back(
        [&, i] { texts[i] = text_of(serving.post("/v1/completions", requests[i])); });
  }
  for (std::thread& client : clients) client.join();
  return texts;
}

TEST_F(Completions, CompanyDoesNotChangeTheText) {
  const std::vector<Json> requests = mixed_requests();
  const std::vector<std::string> together = texts_together(serving, requests);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(together[i], text_of(serving.post("/v1/completions", requests[i]))) << i;
  }
}

TEST(Preemption, ACacheTooSmallForAllDoesNotChangeTheText) {
  std::vector<Json> requests = mixed_requests();
  for (Json& body : requests) {
    body["max_tokens"] = 150;
    body["ignore_eos"] = true;
  }
  const test::Serving small({}, 512);
  const std::vector<std::string> together = texts_together(small, requests);
  EXPECT_GT(small.metric("linnet_preemptions_total"), 0);
  const test::Serving large;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(together[i], text_of(large.post("/v1/completions", requests[i]))) << i;
  }
}

// A stream writes them as they come; an answer in one piece is made in memory.
TEST_F(Completions, MoreLogprobsThanMemoryIsForAreRefused) {
  Json body = completion("a", 500);
  body["prompt"] = std::vector<std::string>(4, "a");
  body["n"] = 16;
  body["logprobs"] = 20;
  const auto reply = serving.post("/v1/completions", body);
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.json()["error"]["message"].get<std::string>(),
              testing::StartsWith("672000 log probabilities may come in one piece"));
}

TEST_F(Completions, TooLongNamesBothCounts) {
  const auto reply = serving.post("/v1/completions", completion("In the beginning", 600));
  EXPECT_EQ(reply.status, 400);
  const Json error = reply.json()["error"];
  EXPECT_EQ(error["code"], "context_length_exceeded");
  EXPECT_THAT(error["message"].get<std::string>(), HasSubstr("600"));
  EXPECT_THAT(error["message"].get<std::string>(), HasSubstr("512"));
}

// What can't fit whatever its tokens are takes no time and memory to be encoded.
TEST_F(Completions, ATextOfTooManyBytesIsRefusedAtOnce) {
  const auto reply = serving.post("/v1/completions", completion(std::string(1 << 20, 'a'), 1));
  EXPECT_EQ(reply.status, 400);
  const Json error = reply.json()["error"];
  EXPECT_EQ(error["code"], "context_length_exceeded");
  EXPECT_EQ(error["param"], "prompt");
  EXPECT_THAT(error["message"].get<std::string>(), testing::StartsWith("prompt has at least "));
  EXPECT_THAT(error["message"].get<std::string>(), testing::EndsWith("but the context holds 512"));
}

TEST_F(Completions, WrongFieldsAreNamed) {
  const auto refused = [&](const char* field, const Json& value, const char* param) {
    Json body = completion("a");
    body[field] = value;
    const auto reply = serving.post("/v1/completions", body);
    EXPECT_EQ(reply.status, 400) << reply.body;
    EXPECT_EQ(reply.json()["error"]["param"], param);
  };
  refused("max_tokens", "many", "max_tokens");
  refused("max_tokens", -3, "max_tokens");
  refused("max_tokens", 18446744073709551615u, "max_tokens");
  refused("temperature", Json::array(), "temperature");
  refused("temperature", -1, "temperature");
  refused("prompt", 5, "prompt");
  refused("prompt", Json::array({1, 99999}), "prompt[1]");
  refused("prompt", Json::array({-1}), "prompt[0]");
  refused("stop", Json::array({"a", 1}), "stop[1]");
  refused("stop", std::string(300, 'a'), "stop");
  refused("n", 1000, "n");
  refused("stream", 1, "stream");
  refused("top_p", 1.5, "top_p");
  refused("top_p", "high", "top_p");
  refused("logit_bias", Json::array({5}), "logit_bias[0]");
  refused("logit_bias", {{"99999", 1}}, "logit_bias.99999");
  refused("logit_bias", {{"a", "b"}}, "logit_bias.a");
  refused("logit_bias", {{"5", 1e9}}, "logit_bias.5");
  refused("logprobs", 100, "logprobs");
  refused("best_of", 2, "best_of");
  refused("stream_options", {{"include_usage", 1}}, "stream_options.include_usage");
  refused("prompt", Json::array({"a", 5}), "prompt[1]");
  refused("prompt", Json::array({"a", Json::array()}), "prompt[1]");
  refused("suffix", "b", "suffix");  // the model has no tokens for it
  refused("stop", 5, "stop");
  refused("n_predict", -3, "n_predict");
  refused("samplers", {"top_p", "top_k"}, "samplers");
  refused("n_indent", "deep", "n_indent");
  refused("guided_json", Json::object(), "guided_json");
  refused("use_beam_search", true, "use_beam_search");
}

TEST_F(Completions, WhatIsNotSupportedMayBeSwitchedOff) {
  Json body = completion("And", 2);
  body["use_beam_search"] = false;
  body["stop_token_ids"] = Json::array();
  body["guided_json"] = nullptr;
  EXPECT_EQ(serving.post("/v1/completions", body).status, 200);
}

TEST_F(Completions, LengthHasOtherNames) {
  for (const char* const name : {"max_tokens", "max_completion_tokens", "n_predict"}) {
    const Json body = {{"prompt", "And"}, {"temperature", 0}, {name, 3}};
    EXPECT_EQ(serving.post("/v1/completions", body).json()["usage"]["completion_tokens"], 3)
        << name;
  }
}

// By llama.cpp's fields.
TEST_F(Completions, AStreamMayTellOfItsPromptAndItsTimes) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "And the children of Israel went up. ";
  Json completion = {{"prompt", text},
                     {"n_predict", 4},
                     {"temperature", 0},
                     {"stream", true},
                     {"return_progress", true},
                     {"timings_per_token", true},
                     {"stream_options", {{"include_usage", true}}}};
  Json chat = completion;
  chat.erase("prompt");
  chat["messages"] = {{{"role", "user"}, {"content", text + "Why?"}}};
  const std::vector<std::pair<const char*, Json>> requests = {
      {"/v1/completions", completion}, {"/completion", completion}, {"/v1/chat/completions", chat}};
  for (const auto& [path, body] : requests) {
    std::int64_t processed = -1, total = 0, timed = 0;
    for (const Json& event : test::events_of(serving.post(path, body))) {
      if (event.contains("prompt_progress")) {
        const Json& progress = event["prompt_progress"];
        EXPECT_GE(progress["processed"], processed) << path;
        EXPECT_GE(progress["time_ms"], 0);
        processed = progress["processed"], total = progress["total"];
        EXPECT_EQ(timed, 0) << path;  // before any of the text
      } else if (event.contains("timings") && event["timings"]["predicted_n"] > 0) {
        EXPECT_GE(event["timings"]["predicted_n"], timed);
        timed = event["timings"]["predicted_n"];
        EXPECT_EQ(event["timings"]["prompt_n"].get<int>() + event["timings"]["cache_n"].get<int>(),
                  total);
      }
    }
    EXPECT_GT(total, 100) << path;
    EXPECT_EQ(processed, total) << path;
    EXPECT_EQ(timed, 4) << path;
  }
  completion["stream"] = false;
  EXPECT_FALSE(serving.post("/v1/completions", completion).json().contains("prompt_progress"));
}

TEST_F(Completions, ProgressBeginsWithWhatTheCacheHolds) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "And the sons of Levi went down. ";
  const Json body = {
      {"prompt", text}, {"max_tokens", 1}, {"stream", true}, {"return_progress", true}};
  serving.post("/v1/completions", body);
  Json first;
  for (const Json& event : test::events_of(serving.post("/v1/completions", body))) {
    if (first.is_null() && event.contains("prompt_progress")) first = event["prompt_progress"];
  }
  EXPECT_GE(first["cache"], 64) << first;
  EXPECT_GE(first["processed"], first["cache"]);
}

// As llama.cpp's server and LM Studio have it.
TEST_F(Completions, MinusOneIsWhatTheContextLeaves) {
  for (const char* const name : {"max_tokens", "max_completion_tokens", "n_predict"}) {
    const Json body = {{"prompt", "And"}, {"temperature", 0}, {name, -1}, {"ignore_eos", true}};
    const Json json = serving.post("/v1/completions", body).json();
    EXPECT_EQ(json["usage"]["total_tokens"], 512) << name;
    EXPECT_EQ(json["choices"][0]["finish_reason"], "length");
  }
  const Json chat = {{"messages", {{{"role", "user"}, {"content", "Who?"}}}},
                     {"temperature", 0},
                     {"max_tokens", -1},
                     {"ignore_eos", true}};
  EXPECT_EQ(serving.post("/v1/chat/completions", chat).json()["usage"]["total_tokens"], 512);
}

// The text is not complete, but its grammar asks for a token that min_tokens bans.
TEST_F(Completions, ATextThatCanNotGoOnIsAnError) {
  Json body = completion("And", 8);
  body["grammar"] = "root ::= \"a\" <[2]> \"b\"";  // 2: the end of a text
  body["min_tokens"] = 8;
  const auto reply = serving.post("/v1/completions", body);
  EXPECT_EQ(reply.status, 400) << reply.body;
  EXPECT_EQ(reply.json()["error"]["code"], "no_token_allowed");
  EXPECT_THAT(reply.json()["error"]["message"].get<std::string>(),
              HasSubstr("the answer can't go on after token 1: its grammar asks for more"));
  body["stream"] = true;
  const auto events = test::events_of(serving.post("/v1/completions", body));
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back()["error"]["code"], "no_token_allowed");
  const auto counted = [&] {
    return serving.metric("linnet_errors_total{code=\"no_token_allowed\"}");
  };
  for (int i = 0; i < 1000 && counted() < 2; ++i) {  // that of the stream when it has been sent
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(counted(), 2);
}

TEST_F(Completions, UnknownFieldsAndAnotherModel) {
  Json body = completion("And", 2);
  body["some_field"] = {{"a", 1}};
  body["top_p"] = 1.0;
  body["model"] = "linnet-kjv";
  EXPECT_EQ(serving.post("/v1/completions", body).status, 200);
  body["model"] = "gpt-9";
  const auto reply = serving.post("/v1/completions", body);
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(reply.json()["error"]["code"], "model_not_found");
}

}  // namespace
}  // namespace linnet
