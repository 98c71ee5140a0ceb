// What programs for llama.cpp's server ask for.

#include <gmock/gmock.h>

#include "serve/serving.hpp"

namespace linnet {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

class Llama : public testing::Test {
 protected:
  static Json completion() {
    return {{"prompt", "In the beginning"}, {"n_predict", 16}, {"temperature", 0}};
  }
  Json ask(const Json& fields = Json::object()) const {
    Json body = completion();
    body.update(fields);
    const auto reply = serving.post("/completion", body);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.json();
  }
  std::string text_of(const Json& fields = Json::object()) const { return ask(fields)["content"]; }

  test::Serving serving;
};

TEST_F(Llama, ACompletionHasItsContent) {
  const Json json = ask();
  const Json body = {{"prompt", "In the beginning"}, {"max_tokens", 16}, {"temperature", 0}};
  const Json ours = serving.post("/v1/completions", body).json();
  EXPECT_EQ(json["content"], ours["choices"][0]["text"]);
  EXPECT_EQ(json["stop"], true);
  EXPECT_EQ(json["stop_type"], "limit");
  EXPECT_EQ(json["truncated"], false);
  EXPECT_EQ(json["tokens_predicted"], 16);
  EXPECT_EQ(json["tokens_evaluated"], ours["usage"]["prompt_tokens"]);
  EXPECT_GT(json["timings"]["predicted_per_second"], 0.0);
}

TEST_F(Llama, AStreamHasTheSameContent) {
  Json body = completion();
  body["stream"] = true;
  const auto reply = serving.post("/completion", body);
  EXPECT_THAT(reply.body, testing::Not(HasSubstr("[DONE]")));
  const auto events = test::events_of(reply);
  std::string text;
  for (const Json& event : events) {
    text += event["content"].get<std::string>();
    EXPECT_EQ(event["stop"], &event == &events.back());
  }
  EXPECT_EQ(text, text_of());
  EXPECT_EQ(events.back()["tokens_predicted"], 16);
}

TEST_F(Llama, AStopStringIsNamed) {
  const std::string text = text_of(), stop = text.substr(text.size() / 2, 4);
  const Json json = ask({{"stop", {stop}}});
  EXPECT_EQ(json["content"], text.substr(0, text.find(stop)));
  EXPECT_EQ(json["stop_type"], "word");
  EXPECT_EQ(json["stopping_word"], stop);
}

TEST_F(Llama, WithoutALimitATextTakesWhatTheContextLeaves) {
  for (const Json& most : {Json(), Json(-1)}) {
    const Json json = ask({{"n_predict", most}, {"ignore_eos", true}});
    EXPECT_EQ(json["tokens_predicted"].get<int>() + json["tokens_evaluated"].get<int>(), 512);
  }
}

TEST_F(Llama, ASeedOfMinusOneIsNone) {
  const auto drawn = [&](int seed) { return text_of({{"temperature", 2.0}, {"seed", seed}}); };
  EXPECT_EQ(drawn(7), drawn(7));
  EXPECT_NE(drawn(-1), drawn(-1));
}

TEST_F(Llama, AGrammarHoldsTheText) {
  EXPECT_EQ(text_of({{"grammar", R"(root ::= "yes" | "no" "!"?)"}}).find_first_not_of("yesno!"),
            std::string::npos);
  EXPECT_EQ(text_of({{"json_schema", {{"enum", {"verily"}}}}}), "\"verily\"");
}

TEST_F(Llama, APromptMayBeTokens) {
  const Json body = {{"content", "In the beginning"}, {"add_special", true}};
  const Json tokens = serving.post("/tokenize", body).json()["tokens"];
  EXPECT_EQ(text_of({{"prompt", tokens}}), text_of());
}

TEST_F(Llama, WrongFieldsAreNamed) {
  const auto param_of = [&](const Json& fields) {
    Json body = completion();
    body.update(fields);
    const auto reply = serving.post("/completion", body);
    EXPECT_EQ(reply.status, 400) << reply.body;
    return reply.json()["error"]["param"].get<std::string>();
  };
  EXPECT_EQ(param_of({{"prompt", nullptr}}), "prompt");
  EXPECT_EQ(param_of({{"prompt", Json::array()}}), "prompt");
  EXPECT_EQ(param_of({{"prompt", {"a", "b"}}}), "prompt[0]");
  EXPECT_EQ(param_of({{"n_predict", 0}}), "n_predict");
  EXPECT_EQ(param_of({{"n_probs", 5}}), "n_probs");
  EXPECT_EQ(param_of({{"samplers", {"top_k"}}}), "samplers");
  EXPECT_EQ(param_of({{"return_tokens", true}}), "return_tokens");
}

TEST_F(Llama, PropsTellTheContext) {
  const Json json = serving.get("/props").json();
  EXPECT_EQ(json["default_generation_settings"]["n_ctx"], 512);
  EXPECT_EQ(json["model_alias"], "linnet-kjv");
  EXPECT_EQ(json["modalities"]["vision"], false);
}

}  // namespace
}  // namespace linnet
