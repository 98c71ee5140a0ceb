// Requests that ask for more or less of the adapters that a model has.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "support/adapter_file.hpp"
#include "support/mixer_cases.hpp"
#include "support/test_name.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

using Strengths = std::vector<float>;

struct Answer : test::Text {
  std::vector<double> logprobs;  // of its tokens and of some others
};

class RequestAdapters : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    test::write_without_scales(test::OracleCase::read(GetParam()), model_);
    plain_ = open({});
    file_ = open({1.0f, 0.5f});
  }

  // The model with adapters of all its matrices that differ, and these strengths.
  std::unique_ptr<ModelFile> open(const Strengths& strengths) const {
    auto file = std::move(*ModelFile::open(model_));
    test::AdapterFile adapter{.tensors = {}, .rank = 2};
    for (const gguf::Tensor& tensor : file->file().tensors()) {
      const std::string name(tensor.name);
      const bool is_matrix = tensor.dimensions >= 2 && tensor.format->type == TensorType::kF32;
      if (is_matrix && !test::is_left_to_merging(name)) adapter.tensors.push_back(name);
    }
    for (const float strength : strengths) {
      adapter.salt += 7;
      adapter.write(folder_ / "adapter.gguf", file->file());
      const Status added = file->add_adapter(folder_ / "adapter.gguf", strength);
      EXPECT_TRUE(added) << added.error().message;
      std::filesystem::remove(folder_ / "adapter.gguf");  // which stays mapped
    }
    return file;
  }
  static std::unique_ptr<Engine> load(const ModelFile& file, std::int64_t kv_tokens = 1024,
                                      bool speculates = false) {
    EngineOptions options = test::TinyModel::options();
    options.speculate = speculates;
    auto engine = Engine::load(file, options, kv_tokens);
    EXPECT_TRUE(engine) << engine.error().message;
    return std::move(*engine);
  }

  // The prompts are the same, so that nobody may go on from what another one has computed.
  static std::vector<TokenId> prompt(const Engine& engine) {
    const std::int64_t vocabulary = engine.model().spec().vocabulary;
    std::vector<TokenId> tokens;
    for (int i = 0; i < 100; ++i) tokens.push_back(static_cast<TokenId>((i * 37 + 5) % vocabulary));
    // A few that are likely to come again, so that there is something to guess.
    for (int i = 0; i < 16; ++i) tokens.push_back(10 + i % 4);
    return tokens;
  }
  static void submit(Engine& engine, const Strengths& strengths, Answer& answer) {
    GenerateRequest request = test::greedy(prompt(engine), 12);
    for (int i = 0; i < 4; ++i) request.sampling.logit_bias.push_back({10 + i, 8.0f});
    request.adapter_strengths = strengths;
    request.top_logprobs = 20;
    request.on_logprobs = [&](const TokenLogprobs& logprobs) {
      for (const auto& one : logprobs.top) answer.logprobs.push_back(one.logprob);
    };
    test::submit(engine, std::move(request), answer);
  }
  static Answer run(Engine& engine, const Strengths& strengths) {
    Answer answer;
    submit(engine, strengths, answer);
    test::finish(engine);
    return answer;
  }
  static Answer run(const ModelFile& file, const Strengths& strengths) {
    return run(*load(file), strengths);
  }
  // Side by side in `engine`.
  std::vector<Answer> expect_what_they_get_alone(Engine& engine) const {
    std::vector<Answer> answers(kAsked.size());
    for (std::size_t i = 0; i < kAsked.size(); ++i) submit(engine, kAsked[i], answers[i]);
    test::finish(engine);
    for (std::size_t i = 0; i < kAsked.size(); ++i) {
      const Answer alone = run(*file_, kAsked[i]);
      EXPECT_EQ(answers[i].tokens, alone.tokens) << i;
      EXPECT_EQ(answers[i].logprobs, alone.logprobs) << i;
    }
    return answers;
  }

  inline static const std::vector<Strengths> kAsked = {
      {0.0f, 0.0f}, {1.0f, 0.0f}, {}, {0.0f, -1.0f}, {1.0f, 0.5f}};
  const test::TemporaryFolder folder_;
  const std::filesystem::path model_ = folder_ / "model.gguf";
  std::unique_ptr<ModelFile> plain_, file_;
};

TEST_P(RequestAdapters, GetWhatTheyGetAlone) {
  const auto together = load(*file_);
  const auto answers = expect_what_they_get_alone(*together);
  for (std::size_t i = 0; i < kAsked.size(); ++i) {
    const Answer again = run(*together, kAsked[i]);
    EXPECT_EQ(again.tokens, answers[i].tokens) << i;
    EXPECT_EQ(again.logprobs, answers[i].logprobs) << i;
    EXPECT_EQ(again.cached_tokens > 0, plain_->spec().causal) << i;
  }
  EXPECT_EQ(answers[0].logprobs, run(*plain_, {}).logprobs);
  EXPECT_EQ(answers[2].logprobs, answers[4].logprobs) << "what the file was opened with";
  EXPECT_NE(answers[0].logprobs, answers[1].logprobs);
  EXPECT_NE(answers[0].logprobs, answers[3].logprobs);
  EXPECT_EQ(answers[1].logprobs, run(*open({1.0f}), {}).logprobs);
}

INSTANTIATE_TEST_SUITE_P(Cases, RequestAdapters, test::kMixerCases, test::test_name<std::string>);
// Its rows and those of the text are computed apart.
INSTANTIATE_TEST_SUITE_P(WithAnInput, RequestAdapters, testing::Values("t5-own"),
                         test::test_name<std::string>);

class SomeRequestAdapters : public RequestAdapters {};

TEST_P(SomeRequestAdapters, GiveTheirMemoryAway) {
  const auto engine = load(*file_, 256);
  expect_what_they_get_alone(*engine);
  EXPECT_GT(engine->scheduler().preemptions(), 0);
}

TEST_P(SomeRequestAdapters, BesideGuesses) {
  const auto engine = load(*file_, 1024, /*speculates=*/true);
  expect_what_they_get_alone(*engine);
  EXPECT_GT(engine->scheduler().speculation().guessed, 0);
}

TEST_P(SomeRequestAdapters, AreNotInASessionOfTheUsualOnes) {
  const auto path = folder_ / "session";
  const Answer usual = run(*file_, {});
  {
    const auto engine = load(*file_);
    for (const Strengths& strengths : kAsked) run(*engine, strengths);
    ASSERT_TRUE(engine->save_session(path, prompt(*engine)));
  }
  const auto engine = load(*file_);
  ASSERT_TRUE(engine->load_session(path));
  EXPECT_EQ(run(*engine, {1.0f, 0.0f}).cached_tokens, 0);
  const Answer restored = run(*engine, {});
  EXPECT_GT(restored.cached_tokens, 0);
  EXPECT_EQ(restored.logprobs, usual.logprobs);
}

INSTANTIATE_TEST_SUITE_P(Cases, SomeRequestAdapters,
                         testing::Values("llama-dense", "mamba2-dense", "qwen35moe-moe"),
                         test::test_name<std::string>);

class WrongStrengths : public RequestAdapters {
 protected:
  std::string refusal(const Strengths& strengths) {
    GenerateRequest request = test::greedy({1, 2, 3}, 1);
    request.adapter_strengths = strengths;
    const Status status = load(*file_)->submit(std::move(request));
    return status ? std::string() : status.error().message;
  }
};

TEST_P(WrongStrengths, AreNamed) {
  EXPECT_EQ(refusal({1.0f, 1.0f}), "");
  EXPECT_EQ(refusal({1.0f}), "the request has strengths of 1 adapters, but the model has 2");
  EXPECT_EQ(refusal({1.0f, -100.5f}), "the strength of an adapter is -100.5, expected -100 to 100");
  EXPECT_EQ(refusal({std::numeric_limits<float>::quiet_NaN(), 0.0f}),
            "the strength of an adapter is nan, expected -100 to 100");
}

INSTANTIATE_TEST_SUITE_P(Cases, WrongStrengths, testing::Values("llama-dense"),
                         test::test_name<std::string>);

}  // namespace
}  // namespace linnet
