#include <gmock/gmock.h>

#include "serve/answers/formats.hpp"
#include "serve/serving.hpp"
#include "support/reranker_file.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

class Rerank : public testing::Test {
 protected:
  Rerank() {
    const Status written = test::write_reranker(path());
    EXPECT_TRUE(written) << written.error().message;
    serving_ = std::make_unique<test::Serving>(serve::ServerOptions{}, 256, "", 128, path());
  }
  std::string path() const { return (folder_ / "reranker.gguf").string(); }
  Json answer(const Json& body, const char* path = "/v1/rerank") const {
    const auto reply = serving_->post(path, body);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.json();
  }

  const test::TemporaryFolder folder_;
  std::unique_ptr<test::Serving> serving_;
};

const Json kDocuments = {"a linnet is a bird", "hello", "planes fly over the sea", "hello"};
const Json kRequest = {
    {"model", "linnet-kjv"}, {"query", "what is a linnet"}, {"documents", kDocuments}};

TEST_F(Rerank, TheBestComesFirst) {
  const Json json = answer(kRequest);
  EXPECT_EQ(json["model"], "linnet-kjv");
  EXPECT_EQ(json["usage"]["total_tokens"], json["usage"]["prompt_tokens"]);
  const Json& results = json["results"];
  ASSERT_EQ(results.size(), 4u);
  std::map<int, double> scores;
  for (std::size_t i = 0; i < results.size(); ++i) {
    scores[results[i]["index"]] = results[i]["relevance_score"];
    if (i > 0) {
      EXPECT_LE(results[i]["relevance_score"], results[i - 1]["relevance_score"]);
    }
    EXPECT_FALSE(results[i].contains("document"));
  }
  EXPECT_EQ(scores.size(), 4u);
  EXPECT_EQ(scores[1], scores[3]);
  EXPECT_NE(scores[0], scores[1]);
}

TEST_F(Rerank, TopNAndDocumentsAsAskedFor) {
  Json request = kRequest;
  request["top_n"] = 2;
  request["return_documents"] = true;
  request["documents"][2] = {{"text", kDocuments[2]}};
  const Json all = answer(kRequest)["results"], results = answer(request)["results"];
  ASSERT_EQ(results.size(), 2u);
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i]["index"], all[i]["index"]);
    EXPECT_EQ(results[i]["relevance_score"], all[i]["relevance_score"]);
    EXPECT_EQ(results[i]["document"]["text"], kDocuments[results[i]["index"].get<int>()]);
  }
}

TEST_F(Rerank, ThePathsOfOtherServersAreThere) {
  const Json results = answer(kRequest)["results"];
  for (const char* path : {"/rerank", "/reranking", "/v1/reranking", "/v2/rerank"}) {
    EXPECT_EQ(answer(kRequest, path)["results"], results) << path;
  }
}

TEST_F(Rerank, InTheFormOfTextEmbeddingsInference) {
  const Json json = answer(
      {{"query", "what is a linnet"}, {"texts", kDocuments}, {"return_text", true}}, "/rerank");
  ASSERT_EQ(json.size(), 4u);
  const Json results = answer(kRequest)["results"];
  for (std::size_t i = 0; i < json.size(); ++i) {
    EXPECT_EQ(json[i]["index"], results[i]["index"]);
    EXPECT_EQ(json[i]["score"], results[i]["relevance_score"]);
    EXPECT_EQ(json[i]["text"], kDocuments[json[i]["index"].get<int>()]);
  }
}

TEST_F(Rerank, WrongFieldsAreNamed) {
  const auto refused = [&](const Json& changes, const Json& param) {
    Json body = kRequest;
    body.update(changes);
    const auto reply = serving_->post("/v1/rerank", body);
    EXPECT_EQ(reply.status, 400) << reply.body;
    EXPECT_EQ(reply.json()["error"]["param"], param);
  };
  refused({{"query", nullptr}}, "query");
  refused({{"query", 5}}, "query");
  refused({{"documents", nullptr}}, "documents");
  refused({{"documents", "a"}}, "documents");
  refused({{"documents", Json::array()}}, "documents");
  refused({{"documents", {"a", 5}}}, "documents[1]");
  refused({{"documents", {"a", {{"text", 5}}}}}, "documents[1]");
  refused({{"documents", std::vector<std::string>(1025, "a")}}, "documents");
  refused({{"top_n", 0}}, "top_n");
  refused({{"return_documents", "yes"}}, "return_documents");
  refused({{"texts", {5}}}, "texts[0]");
}

TEST_F(Rerank, ADocumentThatDoesNotFitIsNamed) {
  Json request = kRequest;
  std::string words;
  for (int i = 0; i < 200; ++i) words += "a ";
  request["documents"][1] = words;
  const auto reply = serving_->post("/v1/rerank", request);
  EXPECT_EQ(reply.status, 400);
  const Json error = reply.json()["error"];
  EXPECT_EQ(error["code"], "context_length_exceeded");
  EXPECT_EQ(error["param"], "documents[1]");
  EXPECT_THAT(error["message"], HasSubstr("documents[1] and the query have 2"));
  EXPECT_THAT(error["message"], HasSubstr("tokens, but the context holds 128"));
}

TEST_F(Rerank, AModelForRerankingMakesNothingElse) {
  const auto reply = serving_->post("/v1/embeddings", {{"input", "a"}});
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, HasSubstr("POST /v1/rerank"));
}

// So that the scores of many documents don't keep other connections waiting at their end.
TEST_F(Rerank, AScoreIsMadeWhenItsDocumentHasEnded) {
  const auto file = ModelFile::open(path());
  ASSERT_TRUE(file) << file.error().message;
  const auto reranker = Reranker::read(**file);
  ASSERT_TRUE(reranker) << reranker.error().message;
  const std::int64_t width = (*file)->spec().width;
  const auto states = std::make_shared<PooledStates>(reranker->pooling());
  states->add(0, std::vector<float>(static_cast<std::size_t>(width), 0.5f), width);
  const double score = reranker->score(*states);
  const auto left = std::make_shared<PooledStates>(reranker->pooling());
  serve::RerankRequest request;
  request.documents = {"a", "b"};
  request.top_n = 2;
  request.is_tei = true;
  const auto format = serve::make_rerank_format({}, *reranker, request, {states, left});
  format->close(0, {FinishReason::kStop, ""});
  format->close(1, {FinishReason::kCancelled, ""});
  states->add(0, std::vector<float>(static_cast<std::size_t>(width), -0.5f), width);
  for (const auto& result : format->whole({})) {
    if (result["index"] == 0) {
      EXPECT_EQ(result["score"], score);
    }
  }
}

TEST(RerankByOtherModels, IsRefused) {
  const test::Serving serving;
  const auto reply = serving.post("/v1/rerank", kRequest);
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.json()["error"]["message"].get<std::string>(),
              testing::StartsWith("linnet-kjv.gguf: is not for reranking: it has no "
                                  "classification head"));  // and not where the file is
}

}  // namespace
}  // namespace linnet
