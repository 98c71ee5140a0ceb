#include "generate/speculation/prediction_drafter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "generate/loading/part_bytes.hpp"
#include "support/drafted_text.hpp"
#include "support/prediction_layer.hpp"
#include "support/test_name.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

using testing::ElementsAre;

std::int32_t likeliest(const std::vector<float>& logits) {
  return static_cast<std::int32_t>(std::ranges::max_element(logits) - logits.begin());
}

class PredictionDrafterTest : public testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Drafter> drafter(std::int64_t kv_tokens = 512) {
    const auto& spec = file_->prediction();
    if (!spec || !*spec) return ADD_FAILURE() << "no layer", nullptr;
    EngineOptions options;
    options.kv_type = KvType::kF32;
    auto drafter =
        PredictionDrafter::load(*file_, **spec, evaluated_.model(), *backend_, options, kv_tokens);
    EXPECT_TRUE(drafter) << drafter.error().message;
    return std::move(*drafter);
  }

  std::int32_t golden(std::int64_t position) const {
    return likeliest(case_.logits.at(static_cast<int>(position)));
  }

  const test::PredictionCase case_ = test::PredictionCase::read(GetParam());
  const test::DraftedText text_{case_.model.tokens()};
  const std::unique_ptr<Backend> backend_ = make_cpu_backend(1);
  const test::EvaluatedModel evaluated_{case_.model, *backend_};
  const std::unique_ptr<ModelFile> file_ = std::move(*ModelFile::open(evaluated_.path()));
};

TEST_P(PredictionDrafterTest, GuessesWhatTheLayerPredicts) {
  for (const auto& [position, logits] : case_.logits) {
    const auto drafter = this->drafter();
    if (position > 0) text_.observe(*drafter, position + 1, 0, position);
    if (position == 0) text_.observe(*drafter, 1, 0, 1);
    EXPECT_THAT(text_.guess(*drafter, position + 1, 1), ElementsAre(likeliest(logits))) << position;
  }
}

TEST_P(PredictionDrafterTest, ReadsRowsAsTheyCome) {
  const auto drafter = this->drafter();
  // A prompt in two parts, and tokens one by one, of which nothing is asked for long.
  text_.observe(*drafter, 8, 0, 3);
  text_.observe(*drafter, 8, 3, 7);
  EXPECT_THAT(text_.guess(*drafter, 8, 1), ElementsAre(golden(7)));
  for (int i = 7; i < 20; ++i) text_.observe(*drafter, i + 1, i, i + 1);
  EXPECT_THAT(text_.guess(*drafter, 21, 1), ElementsAre(golden(20)));
  for (int i = 20; i < 40; ++i) text_.observe(*drafter, i + 1, i, i + 1);
  EXPECT_THAT(text_.guess(*drafter, 41, 1), ElementsAre(golden(40)));
}

TEST_P(PredictionDrafterTest, RowsOfWrongGuessesAreForgotten) {
  const auto drafter = this->drafter();
  text_.observe(*drafter, 7, 0, 7);
  EXPECT_EQ(text_.guess(*drafter, 8, 4).size(), 4u);
  text_.observe(*drafter, 8, 7, 12);  // rows of guesses behind the one that is certain
  text_.observe(*drafter, 9, 8, 9);
  for (int i = 9; i < 20; ++i) text_.observe(*drafter, i + 1, i, i + 1);
  EXPECT_THAT(text_.guess(*drafter, 21, 1), ElementsAre(golden(20)));
}

TEST_P(PredictionDrafterTest, SequencesAreGuessedSideBySide) {
  const auto drafter = this->drafter();
  text_.observe(*drafter, 20, 0, 20, 1);
  text_.observe(*drafter, 7, 0, 7, 2);
  std::vector<std::int32_t> first, second;
  const std::array queries = {DraftQuery{1, text_.tokens(21), 2, &first},
                              DraftQuery{2, text_.tokens(8), 1, &second}};
  EXPECT_TRUE(drafter->propose(queries));
  EXPECT_EQ(first.size(), 2u);
  EXPECT_EQ(first[0], golden(20));
  EXPECT_THAT(second, ElementsAre(golden(7)));
}

TEST_P(PredictionDrafterTest, WhatWasReadIsKnownToALaterSequence) {
  const auto drafter = this->drafter();
  text_.observe(*drafter, 41, 0, 40);
  EXPECT_THAT(text_.guess(*drafter, 41, 1), ElementsAre(golden(40)));
  drafter->end(0, text_.tokens(41));
  text_.observe(*drafter, 41, 39, 40, 1);  // the model, too, knew all before
  EXPECT_THAT(text_.guess(*drafter, 41, 1, 1), ElementsAre(golden(40)));
}

TEST_P(PredictionDrafterTest, HasNoIdeaWithoutMemory) {
  const auto drafter = this->drafter(/*kv_tokens=*/0);
  text_.observe(*drafter, 41, 0, 40);
  EXPECT_TRUE(text_.guess(*drafter, 41, 1).empty());
}

TEST_P(PredictionDrafterTest, SpeculationChangesNoText) {
  const test::TinyModel model(case_.model);
  EngineOptions options = test::TinyModel::options();
  const auto plain = model.engine(options);
  options.speculate = true;
  const auto engine = model.engine(options);
  for (int salt = 0; salt < 3; ++salt) {
    GenerateRequest request = test::greedy(model.prompt(50, salt), 40);
    GenerateRequest drawn = test::greedy(model.prompt(20, salt), 40);
    drawn.sampling.temperature = 0.3f;
    drawn.sampling.seed = 7;
    EXPECT_EQ(test::run(*engine, request).tokens, test::run(*plain, request).tokens) << salt;
    EXPECT_EQ(test::run(*engine, drawn).tokens, test::run(*plain, drawn).tokens) << salt;
  }
  EXPECT_GT(engine->scheduler().speculation().guessed, 0);
}

// Bytes of the tensors that `is_counted` wants.
std::int64_t tensor_bytes(const ModelFile& file, const auto& is_counted) {
  std::int64_t bytes = 0;
  for (const gguf::Tensor& tensor : file.file().tensors()) {
    if (is_counted(tensor.name)) bytes += std::ssize(tensor.bytes);
  }
  return bytes;
}

TEST_P(PredictionDrafterTest, CountsInThePlanWhereItGuesses) {
  EngineOptions options;
  const auto plain = file_->plan(options);
  options.speculate = true;
  const auto guessing = file_->plan(options);
  ASSERT_TRUE(plain && guessing);
  const ModelSpec& layer = **file_->prediction();
  EXPECT_EQ(guessing->kv_bytes() - plain->kv_bytes(),
            plain->context * kv_bytes_per_token(layer, options.kv_type));
  EXPECT_GT(kv_bytes_per_token(layer, options.kv_type), 0);
  const std::string prefix = "blk." + std::to_string(layer.first_block) + ".";
  const std::int64_t bytes =
      tensor_bytes(*file_, [&](std::string_view name) { return name.starts_with(prefix); });
  EXPECT_EQ(guessing->weights_bytes() - plain->weights_bytes(), bytes);
  EXPECT_EQ(guessing->weights_bytes(), tensor_bytes(*file_, [](auto) { return true; }));
  // Beside layers that are not in the memory of the tokens' table it has that, too.
  const ModelPart last{BackendKind::kCpu, {1}};
  const bool is_tied = !file_->file().find_tensor("output.weight");
  const std::int64_t table =
      tensor_bytes(*file_, [&](auto name) { return !is_tied && name == "token_embd.weight"; });
  EXPECT_EQ(weights_bytes(file_->file(), file_->spec(), last, &layer) -
                weights_bytes(file_->file(), file_->spec(), last),
            bytes + table);
}

INSTANTIATE_TEST_SUITE_P(Cases, PredictionDrafterTest,
                         testing::ValuesIn(test::PredictionCase::names()),
                         test::test_name<std::string>);

}  // namespace
}  // namespace linnet
