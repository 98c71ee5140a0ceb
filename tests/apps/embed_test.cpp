// `linnet embed` as a user runs it, and what the other subcommands say of an encoder.

#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "support/encoder_file.hpp"
#include "support/model_copy.hpp"
#include "support/run_program.hpp"

namespace linnet {
namespace {

using test::Ended;
using test::run_program;
using testing::HasSubstr;
using Json = nlohmann::json;

class Embed : public testing::Test {
 protected:
  void SetUp() override {
    const Status written = test::write_encoder(encoder_);
    ASSERT_TRUE(written) << written.error().message;
  }
  const test::TemporaryFolder folder_;
  const std::string encoder_ = (folder_ / "encoder.gguf").string();
};

TEST_F(Embed, ALineOfNumbersForEachText) {
  const Ended ended =
      run_program({"embed", "--gguf", encoder_, "--prompt", "a bird", "--prompt", "sings"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(ended.err, "");
  std::istringstream lines(ended.out);
  std::vector<std::vector<double>> vectors;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream numbers(line);
    auto& vector = vectors.emplace_back();
    for (double number; numbers >> number;) vector.push_back(number);
  }
  ASSERT_EQ(vectors.size(), 2u);
  for (const auto& vector : vectors) {
    ASSERT_EQ(vector.size(), 64u);
    double squares = 0.0;
    for (const double value : vector) squares += value * value;
    EXPECT_NEAR(squares, 1.0, 1e-5);
  }
  EXPECT_NE(vectors[0], vectors[1]);
}

TEST_F(Embed, JsonOfNothing) {
  const Ended ended = run_program({"embed", "--gguf", encoder_, "--json"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  const Json json = Json::parse(ended.out);
  EXPECT_EQ(json["embeddings"], Json::array());
  EXPECT_EQ(json["prompt_tokens"], Json::array());
}

TEST_F(Embed, JsonOfTheLinesOfStandardInput) {
  const Ended ended =
      run_program({"embed", "--gguf", encoder_, "--json"}, {.input = "a bird\nsings\na bird\n"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  const Json json = Json::parse(ended.out);
  EXPECT_EQ(json["pooling"], "mean");
  EXPECT_EQ(json["prompt_tokens"], Json({7, 7, 7}));  // the letters between [CLS] and [SEP]
  ASSERT_EQ(json["embeddings"].size(), 3u);
  EXPECT_EQ(json["embeddings"][0], json["embeddings"][2]);
  EXPECT_NE(json["embeddings"][0], json["embeddings"][1]);
}

TEST_F(Embed, ThePoolingAndTheLengthCanBeChosen) {
  const auto json_of = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"embed",  "--gguf",   encoder_,
                                          "--json", "--prompt", "bird"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ended ended = run_program(arguments);
    EXPECT_EQ(ended.status, 0) << ended.err;
    return Json::parse(ended.out, nullptr, /*allow_exceptions=*/false);
  };
  const Json mean = json_of({});
  EXPECT_EQ(json_of({"--pooling", "mean"}), mean);
  const Json first = json_of({"--pooling", "first"}), last = json_of({"--pooling", "last"});
  EXPECT_EQ(first["pooling"], "first");
  EXPECT_NE(first["embeddings"], mean["embeddings"]);
  EXPECT_NE(first["embeddings"], last["embeddings"]);
  const auto raw = json_of({"--no-normalize"})["embeddings"][0].get<std::vector<double>>();
  const auto scaled = mean["embeddings"][0].get<std::vector<double>>();
  double squares = 0.0;
  for (const double value : raw) squares += value * value;
  EXPECT_GT(std::abs(squares - 1.0), 0.01);
  for (std::size_t i = 0; i < raw.size(); ++i) {
    EXPECT_NEAR(raw[i] / std::sqrt(squares), scaled[i], 1e-6);
  }
}

TEST_F(Embed, LinesMayEndAsOnWindows) {
  const Ended ended = run_program({"embed", "--gguf", encoder_}, {.input = "a bird\r\na bird"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  const std::size_t half = ended.out.size() / 2;
  EXPECT_EQ(ended.out.substr(0, half), ended.out.substr(half));
}

TEST_F(Embed, WorksWithModelsThatGenerateText) {
  const Ended ended = run_program(
      {"embed", "--gguf", test::kBundledModel.string(), "--prompt", "In the beginning"});
  EXPECT_EQ(ended.status, 0) << ended.err;
}

TEST_F(Embed, ATextBeyondTheContextIsAnError) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "a ";
  const Ended ended = run_program({"embed", "--gguf", encoder_, "--prompt", text});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr("202 tokens"));
}

TEST_F(Embed, AnEncoderMakesNoText) {
  const std::vector<std::vector<std::string>> commands = {
      {"generate", "--gguf", encoder_, "--prompt", "a"},
      {"chat", "--gguf", encoder_, "--chat-template", "chatml", "--prompt", "a"},
      {"bench", "--gguf", encoder_},
      {"logits", "--gguf", encoder_, "--tokens", "1,2", "--npy", (folder_ / "out.npy").string()}};
  for (const auto& command : commands) {
    const Ended ended = run_program(command);
    EXPECT_EQ(ended.status, 1) << command[0];
    EXPECT_THAT(ended.err, HasSubstr("bert models are encoders, which make no text"));
  }
}

TEST_F(Embed, ARerankerMakesNoEmbeddings) {
  const Status written = test::write_encoder(encoder_, 4);
  ASSERT_TRUE(written) << written.error().message;
  const Ended ended = run_program({"embed", "--gguf", encoder_, "--prompt", "a"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr("for reranking"));
}

}  // namespace
}  // namespace linnet
