// T5, which writes a text beside another one that it has read.

#include <gmock/gmock.h>

#include <algorithm>

#include "generate/embedding.hpp"
#include "support/oracle_case.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

using Tokens = std::vector<TokenId>;

class ModelWithInputTest : public testing::Test {
 protected:
  // The likeliest tokens, each found by evaluating all that stands before it anew.
  Tokens likeliest(Engine& engine, const Tokens& input, int count) const {
    Tokens text = {model_.file().spec().input.first_token};
    for (int i = 0; i < count; ++i) {
      const auto logits = test::all_logits(engine, text, input);
      if (!logits) return ADD_FAILURE() << logits.error().message, Tokens{};
      const auto last = logits->end() - model_.vocabulary();
      text.push_back(static_cast<TokenId>(std::max_element(last, logits->end()) - last));
    }
    return {text.begin() + 1, text.end()};
  }

  const test::TinyModel model_{"t5-own"};
};

TEST_F(ModelWithInputTest, WritesWhatTheLogitsSay) {
  const Tokens input = model_.prompt(50);
  const Tokens want = likeliest(*model_.engine(), input, 20);
  EXPECT_EQ(test::run(*model_.engine(), test::greedy(input, 20)).tokens, want);
}

TEST_F(ModelWithInputTest, TextsAreTheSameWhateverCompany) {
  const auto engine = model_.engine();
  std::vector<Tokens> inputs;
  for (const int length : {1, 33, 70, 5, 32}) inputs.push_back(model_.prompt(length, length));
  std::vector<test::Text> texts(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    test::submit(*engine, test::greedy(inputs[i], 40), texts[i]);
    const Status status = engine->step();  // the earlier ones are on their way
    ASSERT_TRUE(status) << status.error().message;
  }
  test::finish(*engine);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_EQ(texts[i].tokens, test::run(*model_.engine(), test::greedy(inputs[i], 40)).tokens);
  }
}

TEST_F(ModelWithInputTest, TextsAreTheSameWhereMemoryRunsOut) {
  const auto engine = model_.engine(test::TinyModel::options(), 128);
  std::vector<test::Text> texts(2);
  for (int i = 0; i < 2; ++i) {
    test::submit(*engine, test::greedy(model_.prompt(40, i), 60), texts[i]);
  }
  test::finish(*engine);
  EXPECT_GT(engine->scheduler().preemptions(), 0);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(texts[i].tokens,
              test::run(*model_.engine(), test::greedy(model_.prompt(40, i), 60)).tokens);
  }
}

TEST_F(ModelWithInputTest, ALongInputDoesNotWaitForTheTextsThatRun) {
  const auto engine = model_.engine();
  engine->limit_prompt_rows(8);
  std::vector<test::Text> texts(2);
  test::submit(*engine, test::greedy(model_.prompt(5), 60), texts[0]);
  Status status = engine->step();
  ASSERT_TRUE(status) << status.error().message;
  test::submit(*engine, test::greedy(model_.prompt(40), 60), texts[1]);
  status = engine->step();
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(texts[1].tokens.size(), 1u);
  engine->limit_prompt_rows(0);
  test::finish(*engine);
}

TEST_F(ModelWithInputTest, FillsTheContextAndNoMore) {
  const auto engine = model_.engine(test::TinyModel::options(), 64);
  EXPECT_EQ(test::run(*engine, test::greedy(model_.prompt(40), 24)).tokens.size(), 24u);
  EXPECT_FALSE(engine->submit(test::greedy(model_.prompt(40), 25)));
}

// Behind its input stands a first token, also where nothing is generated.
TEST_F(ModelWithInputTest, AnInputWithoutATextLeavesRoomForItsBeginning) {
  const auto engine = model_.engine(test::TinyModel::options(), 64);
  const Status status = engine->submit(test::greedy(model_.prompt(64), 0));
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message,
              testing::HasSubstr("the prompt has 64 tokens and 1 are to be generated"));
  EXPECT_EQ(test::run(*engine, test::greedy(model_.prompt(63), 0)).reason, FinishReason::kLength);
  const std::vector<Tokens> inputs = {model_.prompt(64)};
  EXPECT_TRUE(embed_texts(*engine, inputs, Pooling::kMean));
}

// The encoder by itself, as a file of the architecture t5encoder.
class EncoderAloneTest : public ModelWithInputTest {
 protected:
  void SetUp() override {
    auto oracle = test::OracleCase::read("t5-own");
    nlohmann::ordered_json metadata;
    for (const auto& [key, item] : oracle.json["metadata"].items()) {
      metadata[key.starts_with("t5.") ? "t5encoder" + key.substr(2) : key] = item;
    }
    metadata["general.architecture"]["value"] = "t5encoder";
    oracle.json["metadata"] = metadata;
    auto tensors = nlohmann::ordered_json::array();
    for (const auto& tensor : oracle.json["tensors"]) {
      if (!tensor["name"].get<std::string>().starts_with("dec.")) tensors.push_back(tensor);
    }
    oracle.json["tensors"] = tensors;
    const Status written = oracle.write(folder_ / "encoder.gguf");
    ASSERT_TRUE(written) << written.error().message;
    auto file = ModelFile::open(folder_ / "encoder.gguf");
    ASSERT_TRUE(file) << file.error().message;
    encoder_ = std::move(*file);
  }

  const test::TemporaryFolder folder_;
  std::unique_ptr<ModelFile> encoder_;
};

TEST_F(EncoderAloneTest, EmbeddingsAreThoseOfTheEncoderWhateverCompany) {
  const Tokens text = model_.prompt(33, 4);
  auto alone = Engine::load(*encoder_, test::TinyModel::options(), 64);
  ASSERT_TRUE(alone) << alone.error().message;
  const auto want = embed_texts(**alone, {&text, 1}, Pooling::kMean);
  ASSERT_TRUE(want) << want.error().message;

  const auto engine = model_.engine();
  test::Text first, second;  // a text that is being written, and one that begins with the embedding
  test::submit(*engine, test::greedy(model_.prompt(9), 30), first);
  const Status status = engine->step();
  ASSERT_TRUE(status) << status.error().message;
  test::submit(*engine, test::greedy(model_.prompt(12, 1), 30), second);
  const auto got = embed_texts(*engine, {&text, 1}, Pooling::kMean);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(*got, *want);
  EXPECT_EQ(second.tokens,
            test::run(*model_.engine(), test::greedy(model_.prompt(12, 1), 30)).tokens);
}

TEST_F(ModelWithInputTest, LogitsNeedAnInput) {
  const auto logits = test::all_logits(*model_.engine(), model_.prompt(3));
  ASSERT_FALSE(logits);
  const test::TinyModel llama("llama-dense");
  const auto refused = test::all_logits(*llama.engine(), llama.prompt(3), llama.prompt(2));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("llama models have no input"));
}

TEST_F(ModelWithInputTest, GuessesAreRefused) {
  EngineOptions options = test::TinyModel::options();
  options.speculate = true;
  EXPECT_FALSE(Engine::load(model_.file(), options, 64));
}

}  // namespace
}  // namespace linnet
