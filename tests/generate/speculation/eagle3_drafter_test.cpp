// PredictionDrafter with EAGLE-3, which reads what layers of the model give, and draft_file.cpp,
// which opens such files.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "generate/loading/part_bytes.hpp"
#include "generate/speculation/draft_file.hpp"
#include "generate/speculation/prediction_drafter.hpp"
#include "support/draft_file.hpp"
#include "support/drafted_text.hpp"
#include "support/eagle3_case.hpp"
#include "support/prediction_layer.hpp"
#include "support/test_name.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Eagle3DrafterTest : public testing::TestWithParam<std::string> {
 protected:
  Eagle3DrafterTest() {
    EXPECT_TRUE(draft_) << draft_.error().message;
    EXPECT_EQ((*draft_)->spec().prediction.target_layers, target_layers());
  }

  // As the file's metadata say.
  std::vector<int> target_layers() const {
    std::vector<int> layers = case_.eagle.json["metadata"]["eagle3.target_layers"]["value"];
    for (int& layer : layers) --layer;
    return layers;
  }

  std::unique_ptr<Drafter> drafter(std::int64_t kv_tokens = 512) {
    EngineOptions options;
    options.kv_type = KvType::kF32;
    auto drafter = PredictionDrafter::load(**draft_, (*draft_)->spec(), target_.model(), *backend_,
                                           options, kv_tokens);
    EXPECT_TRUE(drafter) << drafter.error().message;
    return std::move(*drafter);
  }

  // What the layers that it reads gave for so many tokens.
  std::vector<float> results(std::int64_t count) const {
    const std::size_t layers = target_layers().size();
    const std::int64_t width = target_.model().spec().width;
    std::vector<float> all;
    for (std::int64_t t = 0; t < count; ++t) {
      for (std::size_t i = 0; i < layers; ++i) {
        std::vector<float> row(static_cast<std::size_t>(width));
        backend_->download(some_rows(target_.model().kept(i), t, 1), row.data());
        all.insert(all.end(), row.begin(), row.end());
      }
    }
    return all;
  }

  // The two tokens that follow so many.
  std::vector<TokenId> predicted(std::int64_t known) {
    const auto eagle = test::load_eagle3((*draft_)->file(), target_.model(), *backend_, {64, 64});
    const auto rows = test::predict(*eagle, *backend_, text_.tokens(known), results(known));
    const auto token = [&](const auto& row) { return test::likeliest_token(eagle->spec(), row); };
    return {token(rows[rows.size() - 2]), token(rows.back())};
  }

  const test::Eagle3Case case_ = test::Eagle3Case::read(GetParam());
  const test::DraftedText text_{case_.target.tokens()};
  const std::unique_ptr<Backend> backend_ = make_cpu_backend(1);
  const test::EvaluatedModel target_{case_.target, *backend_, target_layers()};
  const std::unique_ptr<ModelFile> target_file_ = std::move(*ModelFile::open(target_.path()));
  const test::DraftFile file_{case_.eagle};
  const Result<std::unique_ptr<ModelFile>> draft_ = open_draft(file_.path(), *target_file_);
};

TEST_P(Eagle3DrafterTest, GuessesWhatIsPredicted) {
  for (const std::int64_t known : {2, 3, 9, 40}) {
    const auto drafter = this->drafter();
    text_.observe(*drafter, known, 0, known - 1);
    EXPECT_EQ(text_.guess(*drafter, known, 2), predicted(known)) << known;
  }
}

TEST_P(Eagle3DrafterTest, NothingStandsBeforeTheFirstToken) {
  const auto drafter = this->drafter();
  EXPECT_TRUE(text_.guess(*drafter, 1, 2).empty());
  text_.observe(*drafter, 1, 0, 1);
  EXPECT_TRUE(text_.guess(*drafter, 1, 2).empty());
  text_.observe(*drafter, 2, 0, 1);
  EXPECT_EQ(text_.guess(*drafter, 2, 2), predicted(2));
  drafter->end(0, text_.tokens(1));
}

TEST_P(Eagle3DrafterTest, ReadsRowsAsTheyCome) {
  const auto drafter = this->drafter();
  text_.observe(*drafter, 8, 0, 3);
  text_.observe(*drafter, 8, 3, 7);
  EXPECT_EQ(text_.guess(*drafter, 8, 2), predicted(8));
  for (int i = 7; i < 20; ++i) text_.observe(*drafter, i + 1, i, i + 1);
  EXPECT_EQ(text_.guess(*drafter, 21, 2), predicted(21));
  for (int i = 20; i < 39; ++i) text_.observe(*drafter, i + 1, i, i + 1);
  EXPECT_EQ(text_.guess(*drafter, 40, 2), predicted(40));
}

TEST_P(Eagle3DrafterTest, RowsOfWrongGuessesAreForgotten) {
  const auto drafter = this->drafter();
  text_.observe(*drafter, 7, 0, 7);
  EXPECT_EQ(text_.guess(*drafter, 8, 4).size(), 4u);
  text_.observe(*drafter, 8, 7, 12);  // rows of guesses behind the one that is certain
  text_.observe(*drafter, 9, 8, 9);
  for (int i = 9; i < 20; ++i) text_.observe(*drafter, i + 1, i, i + 1);
  EXPECT_EQ(text_.guess(*drafter, 21, 2), predicted(21));
}

TEST_P(Eagle3DrafterTest, SequencesAreGuessedSideBySide) {
  const auto drafter = this->drafter();
  text_.observe(*drafter, 20, 0, 20, 1);
  text_.observe(*drafter, 7, 0, 7, 2);
  std::vector<TokenId> first, second;
  const std::array queries = {DraftQuery{1, text_.tokens(21), 2, &first},
                              DraftQuery{2, text_.tokens(8), 1, &second}};
  EXPECT_TRUE(drafter->propose(queries));
  EXPECT_EQ(first, predicted(21));
  EXPECT_THAT(second, ElementsAre(predicted(8).front()));
}

TEST_P(Eagle3DrafterTest, WhatWasReadIsKnownToALaterSequence) {
  const auto drafter = this->drafter();
  text_.observe(*drafter, 40, 0, 39);
  EXPECT_EQ(text_.guess(*drafter, 40, 2), predicted(40));
  drafter->end(0, text_.tokens(40));
  text_.observe(*drafter, 40, 38, 39, 1);  // the model, too, knew all before
  EXPECT_EQ(text_.guess(*drafter, 40, 2, 1), predicted(40));
}

TEST_P(Eagle3DrafterTest, WhatWaitsIsReadWhereATextEnds) {
  const auto drafter = this->drafter();
  text_.observe(*drafter, 21, 0, 20);  // nothing was asked of these
  drafter->read_rest(0, text_.tokens(21));
  drafter->end(0, text_.tokens(21));
  text_.observe(*drafter, 40, 20, 39, 1);
  EXPECT_EQ(text_.guess(*drafter, 40, 2, 1), predicted(40));
}

TEST_P(Eagle3DrafterTest, BeginsWithATokenAlone) {
  const auto drafter = this->drafter();
  text_.observe(*drafter, 1, 0, 1);
  for (int i = 1; i < 8; ++i) text_.observe(*drafter, i + 1, i, i + 1);
  EXPECT_EQ(text_.guess(*drafter, 9, 2), predicted(9));
}

TEST_P(Eagle3DrafterTest, HasNoIdeaWithoutMemory) {
  const auto drafter = this->drafter(/*kv_tokens=*/0);
  text_.observe(*drafter, 40, 0, 39);
  EXPECT_TRUE(text_.guess(*drafter, 40, 1).empty());
}

TEST_P(Eagle3DrafterTest, ChangesNoText) {
  test::expect_same_texts(test::TinyModel(case_.target), file_.options());
}

TEST_P(Eagle3DrafterTest, CountsInThePlan) {
  EngineOptions options;
  const auto plain = target_file_->plan(options);
  options.speculate = true;
  options.draft_model = file_.path();
  const auto guessing = target_file_->plan(options);
  ASSERT_TRUE(plain && guessing);
  const ModelFile& draft = **draft_;
  EXPECT_EQ(guessing->kv_bytes() - plain->kv_bytes(),
            plain->context * kv_bytes_per_token(draft.spec(), options.kv_type));
  EXPECT_EQ(guessing->weights_bytes() - plain->weights_bytes(),
            weights_bytes(draft.file(), draft.spec(), {BackendKind::kCpu, {}}));
}

INSTANTIATE_TEST_SUITE_P(Cases, Eagle3DrafterTest, testing::ValuesIn(test::Eagle3Case::names()),
                         test::test_name<std::string>);

// A file whose metadata or tensors were changed.
class Eagle3FileTest : public testing::Test {
 protected:
  nlohmann::ordered_json& metadata(const std::string& key) {
    return case_.eagle.json["metadata"]["eagle3." + key]["value"];
  }
  nlohmann::ordered_json& tensor(std::string_view name) {
    for (auto& tensor : case_.eagle.json["tensors"]) {
      if (tensor["name"] == name) return tensor;
    }
    throw std::invalid_argument("no such tensor");
  }

  // What an engine says of it.
  std::string problem(const test::OracleCase& target) const {
    return test::DraftFile(case_.eagle).problem(target);
  }
  std::string problem() const { return problem(case_.target); }

  test::Eagle3Case case_ = test::Eagle3Case::read("own-tables");
};

TEST_F(Eagle3FileTest, IsGoodAsItIs) { EXPECT_EQ(problem(), ""); }

TEST_F(Eagle3FileTest, ReadsLayersOfTheModel) {
  metadata("target_layers") = {1, 2, 5};
  EXPECT_THAT(problem(), HasSubstr("reads the result of layer 4 (from 0), and the model has 4"));
  metadata("target_layers") = {1, 3, 3};
  EXPECT_THAT(problem(), HasSubstr("target_layers has the layer 3, expected layers from 1 on"));
  metadata("target_layers") = {0, 1, 2};
  EXPECT_THAT(problem(), HasSubstr("target_layers has the layer 0, expected layers from 1 on"));
  metadata("target_layers") = {1, 2};
  EXPECT_THAT(problem(), HasSubstr("target_layers has 2 integers, expected 3"));
}

TEST_F(Eagle3FileTest, FitsTheModel) {
  metadata("target_hidden_size") = 32;
  EXPECT_THAT(problem(), HasSubstr("its states have 32 columns, expected the model's 64"));
  metadata("target_hidden_size") = 64;
  EXPECT_THAT(problem(test::OracleCase::read("deepseek4-own")),
              HasSubstr("have more than one residual stream"));
}

TEST_F(Eagle3FileTest, KnowsTokensOfTheModel) {
  tensor("d2t")["values"][7] = 96;
  EXPECT_THAT(problem(), HasSubstr("tensor d2t has the token 96, expected 0 to 95"));
  tensor("d2t")["values"][7] = -1;
  EXPECT_THAT(problem(), HasSubstr("tensor d2t has the token -1, expected 0 to 95"));
  tensor("d2t") = {
      {"name", "d2t"}, {"type", "F32"}, {"shape", {40}}, {"centre", 3}, {"amplitude", 2}};
  EXPECT_THAT(problem(), HasSubstr("tensor d2t is F32, expected I64"));
}

TEST_F(Eagle3FileTest, NeedsAProjectionForTokensOfItsOwn) {
  tensor("output.weight")["name"] = "other.weight";
  EXPECT_THAT(problem(), HasSubstr("missing tensor output.weight"));
}

TEST_F(Eagle3FileTest, HasOneLayer) {
  metadata("block_count") = 2;
  EXPECT_THAT(problem(), HasSubstr("block_count is 2, expected one layer with attention"));
}

// Files of Deci have layers whose mixer is a projection alone.
TEST_F(Eagle3FileTest, HasKeys) {
  case_.eagle.json["metadata"]["eagle3.attention.head_count_kv"] = {
      {"type", "array"}, {"of", "uint32"}, {"value", {0}}};
  EXPECT_THAT(problem(), HasSubstr("expected one layer with attention"));
}

// All projections of the mixer read tokens and stream.
TEST_F(Eagle3FileTest, HasAGateForBothHalves) {
  const auto gate = [&](std::int64_t columns) {
    return nlohmann::ordered_json{{"name", "blk.0.attn_gate.weight"},
                                  {"type", "F32"},
                                  {"shape", {columns, 64}},
                                  {"centre", 0.0},
                                  {"amplitude", 0.5}};
  };
  case_.eagle.json["tensors"].push_back(gate(48));
  EXPECT_THAT(problem(), HasSubstr("blk.0.attn_gate.weight"));
  case_.eagle.json["tensors"].back() = gate(96);
  EXPECT_EQ(problem(), "");
}

TEST_F(Eagle3FileTest, SharesOnlyAProjectionThatFits) {
  auto& tensors = case_.eagle.json["tensors"].get_ref<nlohmann::ordered_json::array_t&>();
  std::erase_if(tensors, [](const auto& tensor) {
    return tensor["name"] == "d2t" || tensor["name"] == "output.weight";
  });
  EXPECT_THAT(problem(), HasSubstr("has no projection to the logits of its own"));
}

TEST_F(Eagle3FileTest, IsNoModelByItself) {
  const test::DraftFile file(case_.eagle);
  const auto model = ModelFile::open(file.path());
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().message, HasSubstr("only guesses tokens for the model"));
}

}  // namespace
}  // namespace linnet
