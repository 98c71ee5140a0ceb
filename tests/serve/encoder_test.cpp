// A server whose model is an encoder.

#include <gmock/gmock.h>

#include "serve/serving.hpp"
#include "support/encoder_file.hpp"
#include "support/temporary_folder.hpp"

namespace linnet {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

class Encoder : public testing::Test {
 protected:
  explicit Encoder(int pooling = 1) {
    const Status written = test::write_encoder(path(), pooling);
    EXPECT_TRUE(written) << written.error().message;
    serving_ = std::make_unique<test::Serving>(serve::ServerOptions{}, 256, "", 128, path());
  }
  std::string path() const { return (folder_ / "encoder.gguf").string(); }

  const test::TemporaryFolder folder_;
  std::unique_ptr<test::Serving> serving_;
};

TEST_F(Encoder, AnswersEmbeddings) {
  const auto reply = serving_->post("/v1/embeddings", {{"input", {"a bird", "sings", "a bird"}}});
  ASSERT_EQ(reply.status, 200) << reply.body;
  const Json data = reply.json()["data"];
  ASSERT_EQ(data.size(), 3u);
  EXPECT_EQ(data[0]["embedding"].size(), 64u);
  EXPECT_EQ(data[0]["embedding"], data[2]["embedding"]);
  EXPECT_NE(data[0]["embedding"], data[1]["embedding"]);
}

TEST_F(Encoder, SaysThatItMakesNoText) {
  const Json messages = {{{"role", "user"}, {"content", "a"}}};
  for (const auto& [path, body] : std::vector<std::pair<const char*, Json>>{
           {"/v1/completions", {{"prompt", "a"}}},
           {"/v1/chat/completions", {{"messages", messages}}}}) {
    const auto reply = serving_->post(path, body);
    EXPECT_EQ(reply.status, 400) << reply.body;
    EXPECT_THAT(reply.body, HasSubstr("encoders, which make no text")) << path;
  }
}

class Reranker : public Encoder {
 protected:
  Reranker() : Encoder(4) {}
};

TEST_F(Reranker, SaysThatItMakesNoEmbeddings) {
  const auto reply = serving_->post("/v1/embeddings", {{"input", "a"}});
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, HasSubstr("for reranking"));
}

}  // namespace
}  // namespace linnet
