// PredictionDrafter with several layers for multi-token prediction, each of which gives one guess.

#include <gtest/gtest.h>

#include "generate/loading/part_bytes.hpp"
#include "generate/speculation/guess_cost.hpp"
#include "generate/speculation/prediction_drafter.hpp"
#include "model/blocks/prediction.hpp"
#include "support/drafted_text.hpp"
#include "support/prediction_layer.hpp"
#include "support/test_name.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

using Guesses = std::vector<TokenId>;

class ChainedPredictionsTest : public testing::TestWithParam<std::string> {
 protected:
  ChainedPredictionsTest() { EXPECT_EQ(std::ssize(layers().layers), count()); }

  const ModelSpec& layers() const { return **file_->prediction(); }
  std::int64_t count() const { return std::ssize(case_.further_logits) + 1; }

  std::unique_ptr<Drafter> drafter(std::int64_t kv_tokens = 512) {
    EngineOptions options;
    options.kv_type = KvType::kF32;
    auto drafter = PredictionDrafter::load(*file_, layers(), evaluated_.model(), *backend_, options,
                                           kv_tokens);
    EXPECT_TRUE(drafter) << drafter.error().message;
    return std::move(*drafter);
  }

  // At most `most` that follow the token at `position`.
  Guesses golden(int position, std::int64_t most = 8) const {
    Guesses guesses = case_.guesses.at(position);
    guesses.resize(static_cast<std::size_t>(std::min(most, std::ssize(guesses))));
    return guesses;
  }

  const test::PredictionCase case_ = test::PredictionCase::read_chained(GetParam());
  const test::DraftedText text_{case_.model.tokens()};
  const std::unique_ptr<Backend> backend_ = make_cpu_backend(1);
  const test::EvaluatedModel evaluated_{case_.model, *backend_};
  const std::unique_ptr<ModelFile> file_ = std::move(*ModelFile::open(evaluated_.path()));
};

TEST_P(ChainedPredictionsTest, EachLayerGivesTheNextGuess) {
  for (const auto& [position, guesses] : case_.guesses) {
    for (std::int64_t most = 1; most <= count() + 1; ++most) {
      const auto drafter = this->drafter();
      text_.observe(*drafter, position + 1, 0, std::max(position, 1));
      EXPECT_EQ(text_.guess(*drafter, position + 1, most), golden(position, most)) << position;
    }
  }
}

TEST_P(ChainedPredictionsTest, AllLayersReadRowsAsTheyCome) {
  const auto drafter = this->drafter();
  text_.observe(*drafter, 8, 0, 3);
  text_.observe(*drafter, 8, 3, 7);
  EXPECT_EQ(text_.guess(*drafter, 8, 1), golden(7, 1))
      << "later layers read what the first one has read";
  text_.observe(*drafter, 9, 7, 12);  // rows of guesses behind the one that is certain
  for (int i = 8; i < 20; ++i) text_.observe(*drafter, i + 1, i, i + 1);
  EXPECT_EQ(text_.guess(*drafter, 21, 8), golden(20));
  for (int i = 20; i < 40; ++i) text_.observe(*drafter, i + 1, i, i + 1);
  EXPECT_EQ(text_.guess(*drafter, 41, 8), golden(40));
}

TEST_P(ChainedPredictionsTest, LongTextsAreReadBeforeTheirGuesses) {
  const auto drafter = this->drafter();
  text_.observe(*drafter, 41, 0, 40);
  EXPECT_EQ(text_.guess(*drafter, 41, 8), golden(40));
  drafter->end(0, text_.tokens(41));
  text_.observe(*drafter, 41, 39, 40, 1);  // the model, too, knew all before
  EXPECT_EQ(text_.guess(*drafter, 41, 8, 1), golden(40));
}

TEST_P(ChainedPredictionsTest, SequencesAreGuessedSideBySide) {
  const auto drafter = this->drafter();
  text_.observe(*drafter, 20, 0, 20, 1);
  text_.observe(*drafter, 7, 0, 7, 2);
  text_.observe(*drafter, 2, 0, 2, 3);
  Guesses first, second, third;
  const std::array queries = {DraftQuery{1, text_.tokens(21), 1, &first},
                              DraftQuery{2, text_.tokens(8), 8, &second},
                              DraftQuery{3, text_.tokens(3), 2, &third}};
  EXPECT_TRUE(drafter->propose(queries));
  EXPECT_EQ(first, golden(20, 1));
  EXPECT_EQ(second, golden(7));
  EXPECT_EQ(third, golden(2, 2));
  for (int i = 20; i < 40; ++i) text_.observe(*drafter, i + 1, i, i + 1, 1);
  EXPECT_EQ(text_.guess(*drafter, 41, 8, 1), golden(40)) << "although it wanted only one before";
}

TEST_P(ChainedPredictionsTest, HasNoIdeaWithoutMemory) {
  const auto drafter = this->drafter(/*kv_tokens=*/0);
  text_.observe(*drafter, 41, 0, 40);
  EXPECT_TRUE(text_.guess(*drafter, 41, 8).empty());
}

TEST_P(ChainedPredictionsTest, ChangesNoText) {
  const test::TinyModel model(case_.model);
  EngineOptions options = test::TinyModel::options();
  const auto plain = model.engine(options);
  options.speculate = true;
  const auto engine = model.engine(options);
  for (int salt = 0; salt < 3; ++salt) {
    const GenerateRequest request = test::greedy(model.prompt(50, salt), 40);
    EXPECT_EQ(test::run(*engine, request).tokens, test::run(*plain, request).tokens) << salt;
  }
  EXPECT_GT(engine->scheduler().speculation().guessed, 0);
}

TEST_P(ChainedPredictionsTest, AllLayersCountInThePlan) {
  EngineOptions options;
  const auto plain = file_->plan(options);
  options.speculate = true;
  const auto guessing = file_->plan(options);
  ASSERT_TRUE(plain && guessing);
  const std::int64_t first = kv_bytes_per_token(prediction_layer(layers(), 0), options.kv_type);
  EXPECT_EQ(guessing->kv_bytes() - plain->kv_bytes(), plain->context * first * count());
  std::int64_t bytes = 0;
  for (const gguf::Tensor& tensor : file_->file().tensors()) bytes += std::ssize(tensor.bytes);
  EXPECT_EQ(guessing->weights_bytes(), bytes);
}

TEST_P(ChainedPredictionsTest, AGuessCostsOneLayer) {
  const test::TinyModel model(case_.model), one(test::PredictionCase::read(GetParam()).model);
  const ModelFile &several = model.file(), &single = one.file();
  EXPECT_DOUBLE_EQ(guess_cost(several, several.file(), layers()),
                   guess_cost(single, single.file(), **single.prediction()));
}

INSTANTIATE_TEST_SUITE_P(Cases, ChainedPredictionsTest,
                         testing::ValuesIn(test::PredictionCase::chained_names()),
                         test::test_name<std::string>);

}  // namespace
}  // namespace linnet
