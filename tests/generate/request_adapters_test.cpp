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
  static std::unique_ptr<Engine> load(const ModelFile& file) {
    auto engine = Engine::load(file, test::TinyModel::options(), 1024);
    EXPECT_TRUE(engine) << engine.error().message;
    return std::move(*engine);
  }

  struct Answer : test::Text {
    std::vector<double> logprobs;  // of its tokens and of some others
  };
  static void submit(Engine& engine, const Strengths& strengths, Answer& answer) {
    std::vector<TokenId> prompt;
    const std::int64_t vocabulary = engine.model().spec().vocabulary;
    for (int i = 0; i < 100; ++i) prompt.push_back((i * 37 + 5) % vocabulary);
    GenerateRequest request = test::greedy(std::move(prompt), 6);
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

  const test::TemporaryFolder folder_;
  const std::filesystem::path model_ = folder_ / "model.gguf";
  std::unique_ptr<ModelFile> plain_, file_;
};

// The prompts are the same, so that nobody may go on from what another one has computed.
TEST_P(RequestAdapters, GetWhatTheyGetAlone) {
  const Strengths asked[] = {{0.0f, 0.0f}, {1.0f, 0.0f}, {}, {0.0f, -1.0f}, {1.0f, 0.5f}};
  const auto together = load(*file_);
  Answer answers[std::size(asked)];
  for (std::size_t i = 0; i < std::size(asked); ++i) submit(*together, asked[i], answers[i]);
  test::finish(*together);
  for (std::size_t i = 0; i < std::size(asked); ++i) {
    const Answer alone = run(*file_, asked[i]);
    EXPECT_EQ(answers[i].tokens, alone.tokens) << i;
    EXPECT_EQ(answers[i].logprobs, alone.logprobs) << i;
    const Answer again = run(*together, asked[i]);
    EXPECT_EQ(again.tokens, alone.tokens) << i;
    EXPECT_EQ(again.logprobs, alone.logprobs) << i;
    EXPECT_EQ(again.cached_tokens > 0, plain_->spec().causal) << i;
  }
  EXPECT_EQ(answers[0].logprobs, run(*plain_, {}).logprobs);
  EXPECT_EQ(answers[2].logprobs, answers[4].logprobs) << "what the file was opened with";
  EXPECT_NE(answers[0].logprobs, answers[1].logprobs);
  EXPECT_NE(answers[0].logprobs, answers[3].logprobs);
  EXPECT_EQ(answers[1].logprobs, run(*open({1.0f}), {}).logprobs);
}

INSTANTIATE_TEST_SUITE_P(Cases, RequestAdapters, test::kMixerCases, test::test_name<std::string>);

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
