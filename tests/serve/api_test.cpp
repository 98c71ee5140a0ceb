#include "serve/api.hpp"

#include <gtest/gtest.h>

#include "base/base64.hpp"
#include "support/paths.hpp"
#include "support/picture_model.hpp"
#include "support/reranker_file.hpp"
#include "support/temporary_folder.hpp"

namespace linnet::serve {
namespace {

// An Api whose model has no engine.
struct WithoutEngine {
  WithoutEngine(const ModelFile& file, const char* chat_template)
      : models(described(file, chat_template), {}, [](const Notices&) {}), api(models, metrics) {
    EXPECT_FALSE(models.first().engine->wait_until_loaded());
  }

  static std::vector<ModelToServe> described(const ModelFile& file, const char* chat_template) {
    auto model = describe_model(file, "m", chat_template, 512);
    EXPECT_TRUE(model.ok());
    std::vector<ModelToServe> models;
    models.push_back({std::move(*model), {[]() -> Result<std::unique_ptr<Engine>> {
                        return Error{"no engine today"};
                      }}});
    return models;
  }

  Metrics metrics;
  const ModelSet models;
  Api api;
};

ApiRequest post(std::string path, std::string body) {
  ApiRequest request;
  request.method = "POST";
  request.path = std::move(path);
  request.body = std::move(body);
  request.client = std::make_shared<ClientAccount>(0, "", Quota{});
  return request;
}

// As JSON a body takes many times its bytes, and thousands of requests may wait.
TEST(Api, ABodyThatWaitsForItsGrammarIsKeptAsItCame) {
  const auto file = ModelFile::open(test::kBundledModel);
  WithoutEngine served(**file, "");
  Api& api = served.api;
  const std::string body = R"({"prompt": "a", "grammar": "root ::= \"a\"", "other": [[], []]})";
  ApiRequest request = post("/v1/completions", body);
  EXPECT_FALSE(api.handle_quickly(request));
  EXPECT_FALSE(request.json);
  EXPECT_EQ(request.body, body);
  EXPECT_EQ(api.handle(request).status, 500) << "for want of an engine, behind the grammar";
}

// Others wait for what takes long, so nobody's request is not read.
TEST(Api, WhatTakesLongIsNotBegunForClientsThatHaveGone) {
  const auto file = ModelFile::open(test::kBundledModel);
  WithoutEngine served(**file, "");
  Api& api = served.api;
  ApiRequest request = post("/v1/completions", "not even JSON");
  EXPECT_EQ(api.handle(request).status, 400);
  request.is_given_up = [] { return true; };
  EXPECT_EQ(api.handle(request).status, 499);
}

// Decoding and making them smaller takes up to seconds, however small the files are.
TEST(Api, ARequestWithPicturesIsNotHandledQuickly) {
  const test::PictureModel files;
  const auto file = ModelFile::open(files.model());
  ASSERT_TRUE((*file)->add_encoders(files.mmproj()));
  WithoutEngine served(**file, "chatml");
  Api& api = served.api;
  const std::string data = encode_base64(test::picture_file("decode/one-pixel.png"));
  const auto request_with = [&](const std::string& url) {
    return post("/v1/chat/completions",
                R"({"messages": [{"role": "user", "content": [{"type": "image_url", )"
                R"("image_url": ")" +
                    url + R"("}]}]})");
  };
  ApiRequest request = request_with("data:image/png;base64," + data);
  EXPECT_FALSE(api.handle_quickly(request));
  EXPECT_FALSE(request.json);
  EXPECT_EQ(api.handle(request).status, 500) << "for want of an engine, behind the picture";
  ApiRequest wrong = request_with("https://example.com");
  const auto refused = api.handle_quickly(wrong);
  ASSERT_TRUE(refused) << "which needs no look at a picture";
  EXPECT_EQ(refused->status, 400);
  EXPECT_EQ(served.models.first().media.held_bytes(), 0);
}

// A query is read with each of the documents, however short these are.
TEST(Api, ALongQueryWithManyDocumentsIsNotHandledQuickly) {
  const test::TemporaryFolder folder;
  ASSERT_TRUE(test::write_reranker(folder / "reranker.gguf"));
  const auto file = ModelFile::open((folder / "reranker.gguf").string());
  WithoutEngine served(**file, "");
  const auto request_with = [](std::size_t query_bytes) {
    const Json body = {{"query", std::string(query_bytes, 'a')},
                       {"documents", std::vector<std::string>(1000, "b")}};
    return post("/v1/rerank", body.dump());
  };
  ApiRequest small = request_with(10), large = request_with(30'000);
  EXPECT_TRUE(served.api.handle_quickly(small));
  EXPECT_FALSE(served.api.handle_quickly(large));
  EXPECT_EQ(served.api.handle(large).status, 500) << "for want of an engine, behind the texts";
}

}  // namespace
}  // namespace linnet::serve
