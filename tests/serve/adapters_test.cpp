// A model whose LoRA adapters a request chooses.

#include <gmock/gmock.h>

#include "serve/serving.hpp"
#include "support/adapter_file.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

class Adapters : public testing::Test {
 protected:
  std::vector<test::Serving::Adapter> write_adapters() const {
    const auto model = std::move(*gguf::File::open(test::kBundledModel));
    test::AdapterFile adapter{
        .tensors = {"blk.1.attn_v.weight", "blk.1.ffn_up.weight", "blk.2.attn_output.weight"}};
    adapter.write(loud_, model);
    adapter.salt = 5;
    adapter.task_name = "search";
    adapter.write(quiet_, model);
    return {{loud_, 0.5f}, {quiet_, 0.0f}};
  }
  static test::Serving serve(const std::vector<test::Serving::Adapter>& adapters,
                             serve::ServerOptions options = {}) {
    return test::Serving(std::move(options), 4096, "chatml", 512, test::kBundledModel, "", nullptr,
                         -1, adapters);
  }

  std::string text_of(const Json& fields) const { return text_of(fields, serving_); }
  static std::string text_of(const Json& fields, const test::Serving& serving) {
    Json body = {{"prompt", "In the beginning"}, {"max_tokens", 24}, {"temperature", 0}};
    body.update(fields);
    const auto reply = serving.post("/v1/completions", body);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.json()["choices"][0]["text"];
  }
  std::string refusal(const Json& lora) const {
    const auto reply = serving_.post("/v1/completions", {{"prompt", "And"}, {"lora", lora}});
    EXPECT_EQ(reply.status, 400);
    return reply.json()["error"]["message"];
  }

  const test::TemporaryFolder folder_;
  const std::string loud_ = folder_ / "loud.gguf", quiet_ = folder_ / "quiet.gguf";
  const test::Serving serving_ = serve(write_adapters());
};

TEST_F(Adapters, AreChosenByTheField) {
  const std::string none = text_of({{"lora", Json::array()}});
  const std::string usual = text_of(Json::object());
  const std::string quiet = text_of({{"lora", {{{"id", 1}, {"scale", 1}}}}});
  EXPECT_EQ(none,
            test::Serving()
                .post("/v1/completions",
                      {{"prompt", "In the beginning"}, {"max_tokens", 24}, {"temperature", 0}})
                .json()["choices"][0]["text"]);
  EXPECT_NE(usual, none);
  EXPECT_NE(quiet, none);
  EXPECT_NE(quiet, usual);
  EXPECT_EQ(text_of({{"lora", {{{"id", 0}, {"scale", 0.5}}}}}), usual);
  EXPECT_EQ(text_of({{"lora", {{{"id", 1}, {"scale", 0}}}}}), none);
  EXPECT_EQ(text_of({{"lora", nullptr}}), usual);
}

TEST_F(Adapters, AreChosenByTheirNames) {
  EXPECT_EQ(text_of({{"model", "linnet-kjv"}}), text_of(Json::object()));
  EXPECT_EQ(text_of({{"model", "loud"}}), text_of(Json::object()));
  EXPECT_EQ(text_of({{"model", "quiet"}}), text_of({{"lora", {{{"id", 1}, {"scale", 1}}}}}))
      << "one that is off is asked for whole";
  EXPECT_EQ(text_of({{"model", "quiet"}, {"lora", {{{"id", 0}, {"scale", 0.5}}}}}),
            text_of(Json::object()))
      << "the field says more";
  const auto unknown = serving_.post("/v1/completions", {{"model", "silent"}, {"prompt", "And"}});
  EXPECT_EQ(unknown.status, 404);
  EXPECT_THAT(unknown.body, HasSubstr("this server runs linnet-kjv, loud, quiet"));
}

TEST_F(Adapters, OfAConversationAndOfAnEmbedding) {
  const auto answer = [&](double scale) {
    const Json body = {{"messages", {{{"role", "user"}, {"content", "Who is Noah?"}}}},
                       {"max_tokens", 24},
                       {"temperature", 0},
                       {"lora", {{{"id", 1}, {"scale", scale}}}}};
    return serving_.post("/v1/chat/completions", body).json()["choices"][0]["message"]["content"];
  };
  EXPECT_NE(answer(10), answer(-10));
  const auto vector = [&](const Json& fields) {
    Json body = {{"input", "Noah"}};
    body.update(fields);
    return serving_.post("/v1/embeddings", body).json()["data"][0]["embedding"];
  };
  EXPECT_NE(vector({{"model", "quiet"}}), vector({{"model", "loud"}}));
  EXPECT_EQ(vector({{"model", "quiet:latest"}}), vector({{"model", "quiet"}}));
}

TEST_F(Adapters, AnswersSayTheirNames) {
  const auto model_of = [&](const char* name) {
    const Json body = {{"model", name}, {"prompt", "And"}, {"max_tokens", 1}};
    return serving_.post("/v1/completions", body).json()["model"];
  };
  EXPECT_EQ(model_of("quiet"), "quiet");
  EXPECT_EQ(model_of("linnet-kjv"), "linnet-kjv");
}

TEST_F(Adapters, WhatRequestsGetThatSayNothingIsSetByAPost) {
  const auto lora = [](int id, double scale) {
    return Json::array({{{"id", id}, {"scale", scale}}});
  };
  const auto set = [&](const Json& list) { return serving_.post("/lora-adapters", list); };
  const std::string usual = text_of(Json::object()), none = text_of({{"lora", Json::array()}});
  const auto reply = set(lora(1, 2));
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.json(), Json({{"success", true}}));
  const std::string quiet = text_of({{"lora", lora(1, 2)}});
  EXPECT_NE(quiet, usual);
  EXPECT_EQ(text_of(Json::object()), quiet);
  EXPECT_EQ(text_of({{"lora", lora(0, 0.5)}}), usual) << "the field says more";
  EXPECT_EQ(text_of({{"model", "loud"}}), usual) << "a name is as the server was started";
  const Json listed = serving_.get("/lora-adapters").json();
  EXPECT_EQ(listed[0]["scale"], 0.0);
  EXPECT_EQ(listed[1]["scale"], 2.0);
  EXPECT_EQ(set(Json::array()).status, 200);
  EXPECT_EQ(text_of(Json::object()), none);
}

TEST_F(Adapters, WrongPostsChangeNothing) {
  const auto message_of = [&](const Json& body) {
    const auto reply = serving_.post("/lora-adapters", body);
    EXPECT_EQ(reply.status, 400) << reply.body;
    return reply.json()["error"]["message"];
  };
  EXPECT_EQ(message_of({{{"id", 0}, {"scale", 1}}, {{"id", 2}, {"scale", 1}}}),
            "lora[1].id: expected 0 to 1, found 2");
  EXPECT_EQ(message_of({{"id", 0}, {"scale", 1}}), "the body is a JSON object, expected an array");
  const auto put = test::http(serving_.port(), "PUT", "/lora-adapters", "[]");
  EXPECT_EQ(put.status, 405);
  EXPECT_THAT(put.body, HasSubstr("/lora-adapters takes GET and POST, not PUT"));
  EXPECT_THAT(put.head, HasSubstr("Allow: GET, HEAD, POST\r\n"));
  EXPECT_EQ(serving_.get("/lora-adapters").json()[0]["scale"], 0.5);
}

// Of two files of one name in two folders.
TEST_F(Adapters, OfATakenNameAreChosenByNumber) {
  std::filesystem::create_directory(folder_ / "more");
  const std::string other = folder_ / "more" / "loud.gguf";
  std::filesystem::copy_file(quiet_, other);
  const auto serving = serve({{loud_, 0.5f}, {other, 0.0f}});
  EXPECT_EQ(serving.get("/v1/models").json()["data"].size(), 2u);
  EXPECT_EQ(text_of({{"model", "loud"}}, serving), text_of(Json::object()));
  EXPECT_EQ(text_of({{"lora", {{{"id", 1}, {"scale", 1}}}}}, serving),
            text_of({{"model", "quiet"}}));
}

TEST_F(Adapters, AreListed) {
  EXPECT_EQ(serving_.get("/lora-adapters").json(),
            Json::parse(R"([{"id": 0, "path": "loud.gguf", "name": "loud", "scale": 0.5,
                             "task_name": "", "prompt_prefix": ""},
                            {"id": 1, "path": "quiet.gguf", "name": "quiet", "scale": 0.0,
                             "task_name": "search", "prompt_prefix": "search: "}])"));
  EXPECT_EQ(test::Serving().get("/lora-adapters").body, "[]");
  const Json models = serving_.get("/v1/models").json();
  ASSERT_EQ(models["data"].size(), 3u);
  EXPECT_FALSE(models["data"][0].contains("parent"));
  EXPECT_EQ(models["data"][2]["id"], "quiet");
  EXPECT_EQ(models["data"][2]["parent"], "linnet-kjv");
  EXPECT_EQ(models["last_id"], "quiet");
  EXPECT_EQ(serving_.get("/v1/models/quiet").json(), models["data"][2]);
}

TEST_F(Adapters, ThatAreNotThereAreRefused) {
  EXPECT_EQ(refusal(Json::array({{{"id", 2}, {"scale", 1}}})),
            "lora[0].id: expected 0 to 1, found 2");
  EXPECT_EQ(refusal(Json::array({{{"scale", 1}}})),
            "lora[0].id: expected the number of an adapter, found nothing");
  EXPECT_EQ(refusal({{{"id", 0}, {"scale", 0}}, {{"id", 1}, {"scale", -101}}}),
            "lora[1].scale: expected -100 to 100, found -101");
  EXPECT_EQ(refusal(Json::array({{{"id", 0}}})),
            "lora[0].scale: expected a factor on it, found nothing");
  EXPECT_EQ(refusal("quiet"), "lora: expected an array, found a JSON string");
  const auto reply = test::Serving().post(
      "/v1/completions", {{"prompt", "And"}, {"lora", {{{"id", 0}, {"scale", 1}}}}});
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, HasSubstr("lora[0].id: the model has no adapters"));
}

// Its session would be taken for one of the adapters that the server was started with.
TEST_F(Adapters, OfOneRequestAreNotKeptOverARestart) {
  serve::ServerOptions options;
  options.engine.cache_folder = folder_ / "cache";
  const auto kept_texts = [&](const std::string& model) {
    {
      const auto serving = serve(write_adapters(), options);
      const Json body = {{"prompt", "In the beginning"}, {"max_tokens", 8}, {"model", model}};
      EXPECT_EQ(serving.post("/v1/completions", body).status, 200);
    }
    const auto files = std::filesystem::recursive_directory_iterator(options.engine.cache_folder);
    return std::ranges::count_if(files, [](const auto& file) { return file.is_regular_file(); });
  };
  EXPECT_EQ(kept_texts("quiet"), 0);
  EXPECT_EQ(kept_texts("linnet-kjv"), 1);
}

}  // namespace
}  // namespace linnet
