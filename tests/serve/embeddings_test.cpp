#include <gmock/gmock.h>

#include <thread>

#include "serve/serving.hpp"

namespace linnet {
namespace {

using Json = nlohmann::json;

class Embeddings : public testing::Test {
 protected:
  std::vector<std::vector<float>> of(const Json& input) const {
    const auto reply = serving.post("/v1/embeddings", {{"input", input}});
    EXPECT_EQ(reply.status, 200) << reply.body;
    std::vector<std::vector<float>> vectors;
    const Json json = reply.json();
    for (const Json& item : json["data"]) {
      EXPECT_EQ(item["index"], vectors.size());
      vectors.push_back(item["embedding"].get<std::vector<float>>());
    }
    return vectors;
  }
  test::Serving serving;
};

TEST_F(Embeddings, AreOfLengthOneAndTellTextsApart) {
  const auto vectors = of({"In the beginning", "And God said", "In the beginning"});
  ASSERT_EQ(vectors.size(), 3u);
  double squares = 0.0;
  for (const float value : vectors[0]) squares += double{value} * value;
  EXPECT_NEAR(squares, 1.0, 1e-5);
  EXPECT_EQ(vectors[0], vectors[2]);
  EXPECT_NE(vectors[0], vectors[1]);
}

TEST_F(Embeddings, TokensAndTextAreTheSameInput) {
  const Json ids = serving.post("/tokenize", {{"content", "And it came"}, {"add_special", true}})
                       .json()["tokens"];
  EXPECT_EQ(of("And it came"), of(ids));
  EXPECT_EQ(of("And it came"), of(Json::array({ids})));
}

TEST_F(Embeddings, UsageCountsTheInputs) {
  const Json usage =
      serving.post("/v1/embeddings", {{"input", {"And", "And God said"}}}).json()["usage"];
  EXPECT_GT(usage["prompt_tokens"], 3);
  EXPECT_EQ(usage["total_tokens"], usage["prompt_tokens"]);
}

// There is no first token; the prompts took all of the time.
TEST_F(Embeddings, TimingsAreOfThePrompts) {
  const Json timings =
      serving.post("/v1/embeddings", {{"input", "And God said"}}).json()["timings"];
  EXPECT_TRUE(timings["time_to_first_token_s"].is_null()) << timings;
  EXPECT_GT(timings["prompt_tokens_per_second"], 0.0) << timings;
}

TEST_F(Embeddings, Base64HoldsTheSameNumbers) {
  const auto numbers = of("And God said")[0];
  const Json json =
      serving.post("/v1/embeddings", {{"input", "And God said"}, {"encoding_format", "base64"}})
          .json();
  const auto text = json["data"][0]["embedding"].get<std::string>();
  ASSERT_EQ(text.size(), (numbers.size() * 4 + 2) / 3 * 4);
  static const std::string kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char digit : text.substr(0, text.find('='))) {
    bits = bits << 6 | static_cast<std::uint32_t>(kDigits.find(digit));
    if ((count += 6) >= 8) bytes += static_cast<char>(bits >> (count -= 8));
  }
  std::vector<float> decoded(numbers.size());
  ASSERT_EQ(bytes.size(), decoded.size() * sizeof(float));
  std::memcpy(decoded.data(), bytes.data(), bytes.size());
  EXPECT_EQ(decoded, numbers);
}

// For models that were trained for it (Matryoshka).
TEST_F(Embeddings, FewerNumbersAreTheFirstOnesOfLengthOne) {
  const auto whole = of("And God said")[0];
  const auto cut_of = [&](const char* path, std::size_t dimensions) {
    const Json body = {{"input", "And God said"}, {"dimensions", dimensions}};
    return serving.post(path, body).json();
  };
  const auto cut = cut_of("/v1/embeddings", 8)["data"][0]["embedding"].get<std::vector<float>>();
  ASSERT_EQ(cut.size(), 8u);
  double squares = 0.0;
  for (const float value : cut) squares += double{value} * value;
  EXPECT_NEAR(squares, 1.0, 1e-5);
  const double scale = double{cut[0]} / whole[0];
  for (std::size_t i = 0; i < cut.size(); ++i) EXPECT_NEAR(cut[i], whole[i] * scale, 1e-5);
  EXPECT_EQ(cut_of("/api/embed", 8)["embeddings"][0], Json(cut));
  EXPECT_EQ(cut_of("/embedding", 8)[0]["embedding"][0], Json(cut));
  EXPECT_EQ(cut_of("/v1/embeddings", whole.size())["data"][0]["embedding"], Json(whole));
}

TEST_F(Embeddings, AreThereAsLlamaCppHasThem) {
  const auto vectors = of({"In the beginning", "And God said"});
  for (const char* const name : {"content", "input"}) {
    const Json json =
        serving.post("/embedding", {{name, Json::array({"In the beginning", "And God said"})}})
            .json();
    ASSERT_EQ(json.size(), 2u) << json;
    EXPECT_EQ(json[1]["index"], 1);
    EXPECT_EQ(json[1]["embedding"], Json::array({vectors[1]}));
  }
  EXPECT_EQ(serving.post("/embedding", Json::object()).json()["error"]["param"], "content");
}

TEST_F(Embeddings, OfAnotherLengthAreRefused) {
  for (const char* const path : {"/embedding", "/v1/embeddings", "/api/embed"}) {
    Json body = {{"input", "a"}, {"embd_normalize", -1}};
    const auto reply = serving.post(path, body);
    EXPECT_EQ(reply.status, 400) << path;
    EXPECT_THAT(reply.body, testing::HasSubstr("embd_normalize: expected 2, found -1"));
    body["embd_normalize"] = 2;
    EXPECT_EQ(serving.post(path, body).status, 200);
  }
}

// The mean depends on every token, and a long text is computed in several steps.
TEST_F(Embeddings, LongTextsTakeSeveralSteps) {
  std::string text;
  for (int i = 0; i < 50; ++i) text += "and the sons of the men of the city, ";
  const auto alone = of(text)[0];
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&, i] {
      serving.post("/v1/completions", {{"prompt", std::string(200 + i, 'a')}, {"max_tokens", 50}});
    });
  }
  EXPECT_EQ(of(text)[0], alone);
  for (std::thread& client : clients) client.join();
  EXPECT_NE(of("but " + text)[0], alone);
}

// As clients send them that cut documents to pieces.
TEST_F(Embeddings, AThousandTextsInOneRequest) {
  const Json inputs(1000, "And God said");
  const auto vectors = of(inputs);
  ASSERT_EQ(vectors.size(), 1000u);
  EXPECT_EQ(vectors[999], vectors[0]);
  EXPECT_EQ(serving.post("/v1/embeddings", {{"input", Json(2049, "a")}}).status, 400);
}

TEST_F(Embeddings, WrongFieldsAreNamed) {
  const auto refused = [&](const Json& body, const Json& param) {
    const auto reply = serving.post("/v1/embeddings", body);
    EXPECT_EQ(reply.status, 400) << reply.body;
    EXPECT_EQ(reply.json()["error"]["param"], param);
  };
  refused(Json::object(), "input");
  refused({{"input", Json::array()}}, "input");
  refused({{"input", {"a", Json::array()}}}, "input[1]");
  refused({{"input", Json::array({"a", 5})}}, "input[1]");
  refused({{"input", {{1, 99999}}}}, "input[0][1]");
  refused({{"input", 5}}, "input");
  refused({{"input", "a"}, {"encoding_format", "hex"}}, "encoding_format");
  refused({{"input", "a"}, {"dimensions", 0}}, "dimensions");
  refused({{"input", "a"}, {"dimensions", 100'000}}, "dimensions");
  const auto reply = serving.post("/v1/embeddings", {{"input", Json(std::vector<int>(600, 40))}});
  EXPECT_EQ(reply.json()["error"]["code"], "context_length_exceeded");
}

TEST_F(Embeddings, AnInputThatDoesNotFitIsNamed) {
  const auto reply = serving.post(
      "/v1/embeddings", {{"input", {std::vector<int>(9, 40), std::vector<int>(600, 40)}}});
  EXPECT_EQ(reply.status, 400);
  const Json error = reply.json()["error"];
  EXPECT_EQ(error["param"], "input[1]");
  EXPECT_EQ(error["message"], "input[1] has 600 tokens, but the context holds 512");
}

}  // namespace
}  // namespace linnet
