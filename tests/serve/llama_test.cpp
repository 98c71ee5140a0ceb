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

TEST_F(Llama, TheNamesOfOpenAisFieldsCountToo) {
  for (const char* const name : {"max_tokens", "max_completion_tokens"}) {
    Json body = {{"prompt", "In the beginning"}, {name, 3}, {"temperature", 0}, {"logprobs", 2}};
    const Json json = serving.post("/completion", body).json();
    EXPECT_EQ(json["tokens_predicted"], 3) << name << ": " << json;
    ASSERT_EQ(json["completion_probabilities"].size(), 3u) << json;
    EXPECT_EQ(json["completion_probabilities"][0]["top_logprobs"].size(), 2u);
  }
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

TEST_F(Llama, SeveralPromptsHaveAListOfAnswers) {
  const Json ids = serving.post("/tokenize", {{"content", "And God"}}).json()["tokens"];
  const Json prompts = Json::array({"In the beginning", ids});
  const Json all = ask({{"prompt", prompts}});
  ASSERT_EQ(all.size(), 2u) << all;
  for (std::size_t i = 0; i < 2; ++i) {
    const Json alone = ask({{"prompt", prompts[i]}});
    EXPECT_EQ(all[i]["index"], i);
    for (const char* const name :
         {"content", "tokens_evaluated", "tokens_predicted", "stop_type"}) {
      EXPECT_EQ(all[i][name], alone[name]) << name;
    }
  }
  EXPECT_NE(all[0]["content"], all[1]["content"]);
  Json body = completion();
  body.update({{"prompt", prompts}, {"stream", true}});
  std::vector<std::string> streamed(2);
  std::vector<int> ends(2);
  for (const Json& event : test::events_of(serving.post("/completion", body))) {
    streamed[event["index"]] += event["content"].get<std::string>();
    if (event["stop"] == true) ends[event["index"]] += event["tokens_predicted"].get<int>();
  }
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(streamed[i], all[i]["content"]);
  EXPECT_THAT(ends, testing::ElementsAre(16, 16));
  EXPECT_TRUE(ask({{"prompt", Json::array({"In the beginning"})}}).is_object());
}

TEST_F(Llama, APromptMayBeTextsAndTokens) {
  const auto ids_of = [&](const char* text) {
    return serving.post("/tokenize", {{"content", text}, {"add_special", false}}).json()["tokens"];
  };
  Json ids =
      serving.post("/tokenize", {{"content", "In the"}, {"add_special", true}}).json()["tokens"];
  Json mixed = Json::array({"In the"});
  for (const Json& id : ids_of(" beginning")) {
    mixed.push_back(id);
    ids.push_back(id);
  }
  mixed.push_back(" God");
  for (const Json& id : ids_of(" God")) ids.push_back(id);
  EXPECT_EQ(ask({{"prompt", mixed}})["content"], ask({{"prompt", ids}})["content"]);
  EXPECT_EQ(ask({{"prompt", Json::array({mixed, "And"})}})[0]["content"],
            ask({{"prompt", ids}})["content"]);
  const auto param_of = [&](const Json& prompt) {
    Json body = completion();
    body["prompt"] = prompt;
    return serving.post("/completion", body).json()["error"]["param"];
  };
  EXPECT_EQ(param_of(Json::array({"And", 99999})), "prompt[1]");
  EXPECT_EQ(param_of(Json::array({5, nullptr})), "prompt[1]");
  EXPECT_EQ(param_of(Json::array({"And", true})), "prompt[1]");
  EXPECT_EQ(param_of(Json::array({"And", Json::array()})), "prompt[1]");
  EXPECT_EQ(param_of(Json::array()), "prompt");
  Json body = completion();
  body["prompt"] = Json::array({"And", 5, 99999});
  for (int i = 0; i < 600; ++i) body["prompt"].insert(body["prompt"].begin(), 5);
  EXPECT_EQ(serving.post("/completion", body).json()["error"]["code"], "context_length_exceeded");
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

// As llama.cpp's server has it; the answer says so.
TEST_F(Llama, MoreTokensThanTheContextHoldsEndWithIt) {
  const Json json = ask({{"n_predict", 5000}, {"ignore_eos", true}});
  EXPECT_EQ(json["tokens_predicted"].get<int>() + json["tokens_evaluated"].get<int>(), 512);
  EXPECT_EQ(json["stop_type"], "limit");
  EXPECT_EQ(json["truncated"], true);
  EXPECT_EQ(serving.post("/v1/completions", {{"prompt", "a"}, {"max_tokens", 5000}}).status, 400);
}

// As llama.cpp has it: behind an end, a model writes rubbish.
TEST_F(Llama, ATextThatIgnoresItsEndDrawsNone) {
  const Json eos = serving.get("/props").json()["eos_token"];
  const Json text = {{"content", eos}, {"parse_special", true}};
  const Json end = serving.post("/tokenize", text).json()["tokens"];
  ASSERT_EQ(end.size(), 1u) << end;
  const Json bias = Json::array({Json::array({end[0], 50})});
  const Json ended = ask({{"logit_bias", bias}});
  EXPECT_EQ(ended["stop_type"], "eos");
  const Json json = ask({{"logit_bias", bias}, {"ignore_eos", true}, {"return_tokens", true}});
  ASSERT_EQ(json["tokens"].size(), 16u);
  EXPECT_THAT(json["tokens"], testing::Not(testing::Contains(end[0])));
}

// llama.cpp's number for a seed by chance, which its clients send back.
TEST_F(Llama, TheLargestSeedIsOneByChance) {
  std::set<std::uint64_t> seeds;
  for (int i = 0; i < 4; ++i) {
    seeds.insert(ask({{"seed", 4294967295u}})["generation_settings"]["seed"].get<std::uint64_t>());
  }
  EXPECT_GT(seeds.size(), 1u);
}

TEST_F(Llama, BreakersAreShort) {
  const auto status_of = [&](const std::string& breaker) {
    return serving
        .post("/completion", {{"prompt", "a"},
                              {"n_predict", 1},
                              {"dry_multiplier", 1},
                              {"dry_sequence_breakers", {breaker}}})
        .status;
  };
  EXPECT_EQ(status_of(std::string(256, 'a')), 200);
  EXPECT_EQ(status_of(std::string(257, 'a')), 400);
}

// Editors ask for nothing else that makes a suggestion sensible.
TEST_F(Llama, InfillEndsATextThatTheModelIsNotSureOf) {
  const Json editors = {{"samplers", {"top_k", "top_p", "infill"}},
                        {"top_k", 40},
                        {"top_p", 0.99},
                        {"temperature", nullptr}};
  Json without = editors;
  without["samplers"] = {"top_k", "top_p"};
  std::size_t drawn = 0, drawn_without = 0;
  for (int seed = 0; seed < 8; ++seed) {
    Json asked = editors, usual = without;
    asked["seed"] = usual["seed"] = seed;
    drawn += ask(asked)["tokens_predicted"].get<std::size_t>();
    drawn_without += ask(usual)["tokens_predicted"].get<std::size_t>();
  }
  EXPECT_LT(drawn, drawn_without);
}

TEST_F(Llama, AnAnswerTellsItsSettings) {
  const Json json = ask({{"top_k", 7}, {"seed", 9}, {"stop", {"zz"}}});
  const Json& settings = json["generation_settings"];
  EXPECT_EQ(settings["n_predict"], 16);
  EXPECT_EQ(settings["top_k"], 7);
  EXPECT_EQ(settings["seed"], 9);
  EXPECT_EQ(settings["temperature"], 0.0);
  EXPECT_EQ(settings["stop"], Json({"zz"}));
  EXPECT_THAT(json["prompt"].get<std::string>(), HasSubstr("In the beginning"));
  EXPECT_EQ(json["has_new_line"],
            json["content"].get<std::string>().find('\n') != std::string::npos);
  EXPECT_GT(json["timings"]["predicted_per_token_ms"], 0.0);
  EXPECT_GT(json["timings"]["prompt_per_token_ms"], 0.0);
  const Json some = ask({{"response_fields", {"generation_settings/n_predict", "prompt"}}});
  EXPECT_EQ(some, Json({{"generation_settings/n_predict", 16}, {"prompt", json["prompt"]}}));
  Json body = completion();
  body["stream"] = true;
  int tokens = 0;
  for (const Json& event : test::events_of(serving.post("/completion", body))) {
    EXPECT_EQ(event["tokens_evaluated"], json["tokens_evaluated"]);
    EXPECT_GE(event["tokens_predicted"], tokens);
    tokens = event["tokens_predicted"];
    EXPECT_TRUE(event.contains("id_slot"));
  }
  EXPECT_EQ(tokens, 16);
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
  EXPECT_EQ(param_of({{"n_predict", -3}}), "n_predict");
  EXPECT_EQ(param_of({{"n_probs", 500}}), "n_probs");
  EXPECT_EQ(param_of({{"samplers", {"top_p", "top_k"}}}), "samplers");
  EXPECT_EQ(param_of({{"samplers", {"mine"}}}), "samplers");
  EXPECT_EQ(param_of({{"post_sampling_probs", true}}), "post_sampling_probs");
  EXPECT_EQ(param_of({{"return_tokens", "yes"}}), "return_tokens");
}

TEST_F(Llama, TokensAreThoseOfTheText) {
  const Json whole = ask({{"return_tokens", true}});
  ASSERT_EQ(whole["tokens"].size(), 16u);
  const auto text = serving.post("/detokenize", {{"tokens", whole["tokens"]}}).json()["content"];
  EXPECT_THAT(whole["content"].get<std::string>(), testing::EndsWith(text.get<std::string>()));
  EXPECT_EQ(ask()["tokens"], Json::array());
  Json body = completion();
  body["stream"] = true;
  Json streamed = Json::array();
  for (const Json& event : test::events_of(serving.post("/completion", body))) {
    for (const Json& token : event["tokens"]) streamed.push_back(token);
    if (event["stop"] == true) {
      EXPECT_EQ(event["tokens"], Json::array());
    }
  }
  EXPECT_EQ(streamed, whole["tokens"]);
}

TEST_F(Llama, NoTokensPrepareForLaterRequests) {
  const Json json = ask({{"n_predict", 0}});
  EXPECT_EQ(json["content"], "");
  EXPECT_EQ(json["tokens_predicted"], 0);
  EXPECT_GT(json["timings"]["prompt_ms"], 0.0);
  EXPECT_EQ(json["timings"]["predicted_ms"], 0.0);
  EXPECT_EQ(ask()["timings"]["prompt_n"], 1);
}

TEST_F(Llama, ProbabilitiesComeWithTheirTokens) {
  Json body = completion();
  body["n_probs"] = 3;
  const Json whole = ask({{"n_probs", 3}})["completion_probabilities"];
  ASSERT_EQ(whole.size(), 16u);
  std::string text;
  for (const Json& token : whole) {
    ASSERT_EQ(token["top_logprobs"].size(), 3u);
    EXPECT_EQ(token["top_logprobs"][0]["id"], token["id"]) << "the likeliest is drawn";
    EXPECT_EQ(token["top_logprobs"][0]["logprob"], token["logprob"]);
    text += token["token"].get<std::string>();
  }
  EXPECT_EQ(text, text_of());
  body["stream"] = true;
  Json streamed = Json::array();
  for (const Json& event : test::events_of(serving.post("/completion", body))) {
    for (const Json& token : event["completion_probabilities"]) streamed.push_back(token);
  }
  EXPECT_EQ(streamed, whole);
}

TEST_F(Llama, OnlyTheFieldsThatAreAskedForCome) {
  const Json json =
      ask({{"response_fields", {"content", "timings/prompt_n", "mine", "content/a"}}});
  EXPECT_EQ(json, Json({{"content", text_of()}, {"timings/prompt_n", json["timings/prompt_n"]}}));
  EXPECT_TRUE(json["timings/prompt_n"].is_number());
}

TEST_F(Llama, SamplersThatAreNotNamedAreOff) {
  const Json hot = {{"temperature", 1.7}, {"top_k", 1}, {"seed", 3}};
  const auto with = [&](const Json& samplers) {
    Json fields = hot;
    fields["samplers"] = samplers;
    return text_of(fields);
  };
  EXPECT_EQ(with({"top_k", "temperature"}), text_of());
  Json alone = {{"temperature", 1.7}, {"seed", 3}};
  EXPECT_EQ(with({"temperature"}), text_of(alone));
  alone["temperature"] = 1.0;
  EXPECT_EQ(with(Json::array()), text_of(alone));
}

TEST_F(Llama, SamplersMayBeLetters) {
  const auto with = [&](const Json& samplers) {
    return text_of({{"temperature", 1.7}, {"top_k", 1}, {"seed", 3}, {"samplers", samplers}});
  };
  EXPECT_EQ(with("edkypmxt"), text_of());  // as llama.vscode sends it
  EXPECT_EQ(with("kt"), text_of());
  EXPECT_EQ(with("kit"), with({"top_k", "infill", "temperature"}));
  EXPECT_EQ(with("t"), with({"temperature"}));
  EXPECT_EQ(with(""), with(Json::array()));
  for (const char* const wrong : {"kz", "tk"}) {
    const auto reply = serving.post("/completion", {{"prompt", "a"}, {"samplers", wrong}});
    EXPECT_EQ(reply.status, 400) << wrong;
    EXPECT_EQ(reply.json()["error"]["param"], "samplers");
  }
}

// What its server tells of itself, and its clients send back.
TEST_F(Llama, MinusOneIsOff) {
  EXPECT_EQ(text_of({{"top_n_sigma", -1}, {"t_max_predict_ms", -1}}), text_of());
  EXPECT_EQ(text_of({{"top_n_sigma", -1.0}, {"temperature", 1}, {"seed", 3}}),
            text_of({{"temperature", 1}, {"seed", 3}}));
}

TEST_F(Llama, BiasesMayBePairs) {
  const Json first = ask({{"n_probs", 1}})["completion_probabilities"][0];
  const std::string text = text_of();
  EXPECT_NE(text_of({{"logit_bias", {{first["id"], false}}}}), text);
  EXPECT_EQ(text_of({{"logit_bias", {{first["id"], 3.5}}}, {"n_predict", 1}}), first["token"]);
  EXPECT_EQ(text_of({{"logit_bias", Json::array()}}), text);
  const Json of_text = Json::array({Json::array({first["token"], false})});
  EXPECT_EQ(text_of({{"logit_bias", of_text}}), text_of({{"logit_bias", {{first["id"], false}}}}));
  const Json by_text = {{first["token"].get<std::string>(), false}};
  EXPECT_EQ(text_of({{"logit_bias", by_text}}), text_of({{"logit_bias", of_text}}));
  const Json by_id = {{std::to_string(first["id"].get<int>()), -5000}};
  EXPECT_EQ(text_of({{"logit_bias", by_id}}), text_of({{"logit_bias", of_text}}));
  for (const Json& wrong : {Json({5}), Json({"", 2}), Json({std::string(300, 'a'), 2}),
                            Json({-1, 2}), Json({99999, 2}), Json({1, true}), Json(3)}) {
    Json body = completion();
    body["logit_bias"] = Json::array({Json::array({1, 1}), wrong});
    const auto reply = serving.post("/completion", body);
    EXPECT_EQ(reply.status, 400) << wrong;
    EXPECT_EQ(reply.json()["error"]["param"], "logit_bias[1]");
  }
}

TEST_F(Llama, PropsTellWhatTheServerHas) {
  const Json json = serving.get("/props").json();
  EXPECT_EQ(json["default_generation_settings"]["n_ctx"], 512);
  EXPECT_EQ(json["default_generation_settings"]["params"]["temperature"], 1.0);
  EXPECT_EQ(json["total_slots"], 32);
  EXPECT_EQ(json["model_alias"], "linnet-kjv");
  EXPECT_EQ(json["model_path"], "linnet-kjv.gguf");
  EXPECT_THAT(json["chat_template"].get<std::string>(), HasSubstr("<|im_start|>"));
  EXPECT_EQ(json["eos_token"], "</s>");
  EXPECT_EQ(json["modalities"]["vision"], false);
  EXPECT_EQ(json["is_sleeping"], false);
  EXPECT_EQ(serving.get("/props?model=linnet-kjv").json(), json);
  EXPECT_EQ(serving.get("/props?model=other%20one").status, 404);
}

TEST_F(Llama, OtherAddressesOfTheSame) {
  EXPECT_EQ(serving.get("/v1/health").json(), serving.get("/health").json());
  const Json models = serving.get("/models").json();
  EXPECT_EQ(models["data"][0]["id"], "linnet-kjv");
  EXPECT_EQ(models["data"][0]["meta"]["n_ctx"], 512);
  EXPECT_GT(models["data"][0]["meta"]["n_params"], 1000);
  EXPECT_EQ(models["data"][0]["architecture"]["input_modalities"], Json({"text"}));
}

TEST(LlamaSlots, TellWhoIsAtWork) {
  serve::ServerOptions options;
  options.engine.most_running = 2;
  const test::Serving serving(options, 4096, "chatml", 2048);
  const Json idle = serving.get("/slots").json();
  ASSERT_EQ(idle.size(), 2u);
  EXPECT_EQ(idle[1], Json({{"id", 1}, {"n_ctx", 2048}, {"is_processing", false}}));
  EXPECT_EQ(serving.get("/slots?fail_on_no_slot=1").status, 200);
  const Json body = {
      {"prompt", "In the beginning"}, {"max_tokens", 2000}, {"ignore_eos", true}, {"stream", true}};
  test::TcpClient one(serving.port()), two(serving.port());
  for (test::TcpClient* client : {&one, &two}) {
    client->send(test::http_request("POST", "/v1/completions", body.dump()));
    ASSERT_TRUE(client->receive_until("data: "));
  }
  const Json busy = serving.get("/slots").json();
  ASSERT_EQ(busy.size(), 2u);
  for (const Json& slot : busy) {
    EXPECT_EQ(slot["is_processing"], true);
    const Json& next = slot["next_token"];
    EXPECT_EQ(next["n_remain"].get<int>() + next["n_decoded"].get<int>(), 2000);
  }
  EXPECT_EQ(busy.dump().find("beginning"), std::string::npos);
  EXPECT_EQ(serving.get("/slots?fail_on_no_slot=1").status, 503);
}

}  // namespace
}  // namespace linnet
