// BlockDrafter with DFlash, which reads what layers of the model give, and draft_file.cpp, which
// opens such files.

#include "generate/speculation/block_drafter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "generate/loading/part_bytes.hpp"
#include "generate/speculation/draft_batches.hpp"
#include "generate/speculation/draft_file.hpp"
#include "support/dflash_case.hpp"
#include "support/draft_file.hpp"
#include "support/drafted_text.hpp"
#include "support/prediction_layer.hpp"
#include "support/test_name.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class BlockDrafterTest : public testing::TestWithParam<std::string> {
 protected:
  BlockDrafterTest() {
    EXPECT_TRUE(draft_) << draft_.error().message;
    EXPECT_EQ(spec().target_layers, target_layers());
  }

  const PredictionSpec& spec() const { return (*draft_)->spec().prediction; }

  // As the file's metadata say.
  std::vector<int> target_layers() const {
    std::vector<int> layers = case_.drafter.json["metadata"]["dflash.target_layers"]["value"];
    for (int& layer : layers) --layer;
    return layers;
  }

  std::unique_ptr<Drafter> drafter(std::int64_t kv_tokens = 512) {
    EngineOptions options;
    options.kv_type = KvType::kF32;
    auto drafter = BlockDrafter::load(**draft_, target_.model(), *backend_, options, kv_tokens);
    EXPECT_TRUE(drafter) << drafter.error().message;
    return std::move(*drafter);
  }

  // What the layers that it reads gave for so many tokens.
  std::vector<float> results(std::int64_t count) const {
    const auto width = static_cast<std::size_t>(target_.model().spec().width);
    std::vector<float> all, row(width);
    for (std::int64_t t = 0; t < count; ++t) {
      for (std::size_t i = 0; i < spec().target_layers.size(); ++i) {
        backend_->download(some_rows(target_.model().kept(i), t, 1), row.data());
        all.insert(all.end(), row.begin(), row.end());
      }
    }
    return all;
  }

  // The first `most` guesses behind so many tokens.
  std::vector<TokenId> predicted(std::int64_t known, std::int64_t most = kMostGuesses) {
    const auto model = test::load_dflash((*draft_)->file(), target_.model(), *backend_, {64, 64});
    const auto block =
        test::compute_block(*model, *backend_, text_.tokens(known), results(known - 1));
    std::vector<TokenId> guesses = test::guesses_of(model->spec(), block);
    guesses.resize(std::min(guesses.size(), static_cast<std::size_t>(most)));
    return guesses;
  }

  const test::DflashCase case_ = test::DflashCase::read(GetParam());
  const test::DraftedText text_{case_.target.tokens()};
  const std::unique_ptr<Backend> backend_ = make_cpu_backend(1);
  const test::EvaluatedModel target_{case_.target, *backend_, target_layers()};
  const std::unique_ptr<ModelFile> target_file_ = std::move(*ModelFile::open(target_.path()));
  const test::DraftFile file_{case_.drafter};
  const Result<std::unique_ptr<ModelFile>> draft_ = open_draft(file_.path(), *target_file_);
};

TEST_P(BlockDrafterTest, GuessesABlock) {
  for (const std::int64_t known : {2, 3, 9, 40}) {
    const auto drafter = this->drafter();
    text_.observe(*drafter, known, 0, known - 1);
    EXPECT_EQ(text_.guess(*drafter, known, kMostGuesses), predicted(known)) << known;
    EXPECT_EQ(text_.guess(*drafter, known, 2), predicted(known, 2)) << known;
    EXPECT_THAT(text_.guess(*drafter, known, 0), IsEmpty()) << known;
  }
}

TEST_P(BlockDrafterTest, MustHaveSeenTheTextButForItsLastToken) {
  const auto drafter = this->drafter();
  EXPECT_THAT(text_.guess(*drafter, 8, 2), IsEmpty());
  text_.observe(*drafter, 6, 0, 6);
  EXPECT_THAT(text_.guess(*drafter, 8, 2), IsEmpty());
  text_.observe(*drafter, 7, 6, 7);
  EXPECT_EQ(text_.guess(*drafter, 8, 2), predicted(8, 2));
  drafter->end(0, text_.tokens(8));
  EXPECT_THAT(text_.guess(*drafter, 8, 2), IsEmpty());
}

TEST_P(BlockDrafterTest, ReadsRowsAsTheyCome) {
  const auto drafter = this->drafter();
  text_.observe(*drafter, 3, 0, 3);
  text_.observe(*drafter, 7, 3, 7);
  EXPECT_EQ(text_.guess(*drafter, 8, 3), predicted(8, 3));
  for (int i = 7; i < 20; ++i) {
    text_.observe(*drafter, i + 1, i, i + 1);
    EXPECT_EQ(text_.guess(*drafter, i + 2, 3), predicted(i + 2, 3)) << i;
  }
}

TEST_P(BlockDrafterTest, RowsOfWrongGuessesAreForgotten) {
  const auto drafter = this->drafter();
  text_.observe(*drafter, 7, 0, 7);
  drafter->observe({0, text_.tokens(7), 7, 20, 5});  // of guesses, which were other tokens
  text_.observe(*drafter, 8, 7, 8);
  EXPECT_EQ(text_.guess(*drafter, 9, 3), predicted(9, 3));
  text_.observe(*drafter, 9, 8, 12);  // now they are right
  EXPECT_EQ(text_.guess(*drafter, 13, 3), predicted(13, 3));
  EXPECT_THAT(text_.guess(*drafter, 14, 3), IsEmpty());
  text_.observe(*drafter, 12, 11, 12);
  EXPECT_EQ(text_.guess(*drafter, 12, 3), predicted(12, 3));
  EXPECT_THAT(text_.guess(*drafter, 13, 3), IsEmpty());  // the block stands there
}

TEST_P(BlockDrafterTest, SequencesAreGuessedSideBySide) {
  const auto drafter = this->drafter();
  text_.observe(*drafter, 20, 0, 20, 1);
  text_.observe(*drafter, 7, 0, 7, 2);
  std::vector<TokenId> first, second, third;
  const std::array queries = {DraftQuery{1, text_.tokens(21), 3, &first},
                              DraftQuery{3, text_.tokens(9), 3, &third},
                              DraftQuery{2, text_.tokens(8), 2, &second}};
  EXPECT_TRUE(drafter->propose(queries));
  EXPECT_EQ(first, predicted(21, 3));
  EXPECT_EQ(second, predicted(8, 2));
  EXPECT_THAT(third, IsEmpty());
}

TEST_P(BlockDrafterTest, WhatWasReadIsKnownToALaterSequence) {
  const auto drafter = this->drafter();
  text_.observe(*drafter, 39, 0, 39);
  drafter->read_rest(0, text_.tokens(40));
  drafter->end(0, text_.tokens(40));
  text_.observe(*drafter, 40, 38, 39, 1);  // the model, too, knew all before
  EXPECT_EQ(text_.guess(*drafter, 40, 3, 1), predicted(40, 3));
}

// The keys of what was not seen count as nothing, and guesses go on.
TEST_P(BlockDrafterTest, GuessesWhereABeginningWasNotSeen) {
  const auto drafter = this->drafter();
  text_.observe(*drafter, 30, 20, 30);
  EXPECT_EQ(text_.guess(*drafter, 31, 3).size(), 3u);
}

TEST_P(BlockDrafterTest, DoesNotReadARowOfAPicture) {
  const auto drafter = this->drafter();
  text_.observe(*drafter, 8, 0, 8);
  const auto known = text_.tokens(9);
  std::vector<TokenId> text(known.begin(), known.end()), guesses;
  text.back() = 1 << 30;
  const DraftQuery query{0, text, 2, &guesses};
  EXPECT_TRUE(drafter->propose({&query, 1}));
  EXPECT_THAT(guesses, IsEmpty());
}

TEST_P(BlockDrafterTest, HasNoIdeaWithoutMemory) {
  const auto drafter = this->drafter(/*kv_tokens=*/0);
  text_.observe(*drafter, 40, 0, 39);
  EXPECT_THAT(text_.guess(*drafter, 40, 1), IsEmpty());
}

TEST_P(BlockDrafterTest, ChangesNoText) {
  test::expect_same_texts(test::TinyModel(case_.target), file_.options());
}

TEST_P(BlockDrafterTest, CountsInThePlan) {
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
  EXPECT_EQ(guessing->shares.front().guessing_bytes,
            draft_workspace_bytes(draft.spec(), options, options.limits));
}

INSTANTIATE_TEST_SUITE_P(Cases, BlockDrafterTest, testing::ValuesIn(test::DflashCase::names()),
                         test::test_name<std::string>);

// A file whose metadata or tensors were changed.
class DflashFileTest : public testing::Test {
 protected:
  nlohmann::ordered_json& metadata() { return case_.drafter.json["metadata"]; }
  nlohmann::ordered_json& value(const std::string& key) {
    return metadata()["dflash." + key]["value"];
  }
  nlohmann::ordered_json& tensor(std::string_view name) {
    for (auto& tensor : case_.drafter.json["tensors"]) {
      if (tensor["name"] == name) return tensor;
    }
    throw std::invalid_argument("no such tensor");
  }

  // What an engine says of it.
  std::string problem(const test::OracleCase& target) const {
    return test::DraftFile(case_.drafter).problem(target);
  }
  std::string problem() const { return problem(case_.target); }

  test::DflashCase case_ = test::DflashCase::read("own-tables");
};

TEST_F(DflashFileTest, IsGoodAsItIs) { EXPECT_EQ(problem(), ""); }

TEST_F(DflashFileTest, ReadsLayersOfTheModel) {
  value("target_layers") = {1, 2, 5};
  EXPECT_THAT(problem(), HasSubstr("reads the result of layer 4 (from 0), and the model has 4"));
  value("target_layers") = {1, 3, 3};
  EXPECT_THAT(problem(), HasSubstr("target_layers has the layer 3, expected layers from 1 on"));
  value("target_layers") = {1, 2};
  EXPECT_THAT(problem(), HasSubstr("fc.weight"));
  metadata().erase("dflash.target_layers");
  EXPECT_THAT(problem(), HasSubstr("dflash.target_layers has 0 layers, expected 1 to"));
}

TEST_F(DflashFileTest, FitsTheModel) {
  EXPECT_THAT(problem(test::OracleCase::read("deepseek4-own")),
              HasSubstr("have more than one residual stream"));
  value("embedding_length") = 32;
  EXPECT_THAT(problem(), HasSubstr("its states have 32 columns, expected the model's 64"));
}

TEST_F(DflashFileTest, KnowsTokensOfTheModel) {
  metadata()["tokenizer.ggml.mask_token_id"]["value"] = 96;
  EXPECT_THAT(problem(), HasSubstr("tokenizer.ggml.mask_token_id is 96, expected 0 to 95"));
  metadata().erase("tokenizer.ggml.mask_token_id");
  EXPECT_THAT(problem(), HasSubstr("missing metadata key tokenizer.ggml.mask_token_id"));
}

TEST_F(DflashFileTest, GuessesAtLeastAToken) {
  value("block_size") = 1;
  EXPECT_THAT(problem(), HasSubstr("dflash.block_size is 1, expected at least 2"));
  value("block_size") = 1 << 20;
  EXPECT_THAT(problem(), HasSubstr("dflash.block_size is 1048576, expected 0 to 1024"));
}

TEST_F(DflashFileTest, BlocksMayBeLong) {
  value("block_size") = 1024;
  EXPECT_EQ(problem(), "");
}

TEST_F(DflashFileTest, HasAnActivationThatIsKnown) {
  value("hidden_activation") = "relu";
  EXPECT_THAT(problem(), HasSubstr("hidden_activation is 'relu', expected silu, gelu or"));
}

TEST_F(DflashFileTest, HasKeys) {
  metadata()["dflash.attention.head_count_kv"] = {
      {"type", "array"}, {"of", "uint32"}, {"value", {2, 0}}};
  EXPECT_THAT(problem(), HasSubstr("layer 1 has no keys"));
}

TEST_F(DflashFileTest, OtherKindsAreRefused) {
  metadata()["dflash.hyper_connection.count"] = {{"type", "uint32"}, {"value", 4}};
  EXPECT_THAT(problem(), HasSubstr("DFlash with layers of DeepSeek-V4 is not known"));
  metadata().erase("dflash.hyper_connection.count");
  case_.drafter.json["tensors"].push_back({{"name", "selector_hidden.weight"},
                                           {"type", "F32"},
                                           {"shape", {64, 4}},
                                           {"centre", 0.0},
                                           {"amplitude", 0.5}});
  EXPECT_THAT(problem(), HasSubstr("of DFlash 2, which is not known"));
}

TEST_F(DflashFileTest, TokensOfItsOwnNeedAProjection) {
  tensor("output.weight")["name"] = "other.weight";
  EXPECT_THAT(problem(), HasSubstr("missing tensor output.weight"));
}

TEST_F(DflashFileTest, AChainIsForItsColumnsAndTokens) {
  case_ = test::DflashCase::read("chained");
  tensor("markov_w2.weight")["shape"] = {11, 96};
  EXPECT_THAT(problem(), HasSubstr("markov_w2.weight"));
  case_ = test::DflashCase::read("chained");
  tensor("markov_w1.weight")["shape"] = {12, 95};
  EXPECT_THAT(problem(), HasSubstr("markov_w1.weight"));
}

TEST_F(DflashFileTest, IsNoModelByItself) {
  const test::DraftFile file(case_.drafter);
  const auto model = ModelFile::open(file.path());
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().message, HasSubstr("only guesses tokens for the model"));
}

}  // namespace
}  // namespace linnet
