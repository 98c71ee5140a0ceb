#include "generate/rerank/reranker.hpp"

#include <gmock/gmock.h>

#include "support/reranker_file.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

using Prompts = std::vector<std::vector<TokenId>>;
using testing::HasSubstr;

/// A model for reranking that is open.
struct Opened {
  explicit Opened(const test::OracleCase& oracle) {
    const Status written = oracle.write(folder / "model.gguf");
    EXPECT_TRUE(written) << written.error().message;
    file = std::move(*ModelFile::open(folder / "model.gguf"));
  }
  std::unique_ptr<Engine> engine(EngineOptions options = test::TinyModel::options(),
                                 std::int64_t kv_tokens = 512) const {
    auto engine = Engine::load(*file, options, kv_tokens);
    EXPECT_TRUE(engine) << engine.error().message;
    return std::move(*engine);
  }

  test::TemporaryFolder folder;
  std::unique_ptr<ModelFile> file;
};

Prompts prompts_of(const Reranker& reranker, const std::vector<std::string>& documents) {
  Prompts prompts;
  for (const std::string& document : documents) {
    auto prompt = reranker.prompt().encode("what is a linnet", document);
    EXPECT_TRUE(prompt) << prompt.error().message;
    prompts.push_back(std::move(*prompt));
  }
  return prompts;
}

const std::vector<std::string> kDocuments = {"a linnet is a bird", "hello",
                                             "planes fly over the sea and the land"};

// By llama.cpp 34af94c (llama-server --rerank -fa off) of the same file, whose GELU is rounded to
// half precision.
TEST(RerankerTest, GivesTheScoresOfLlamaCpp) {
  const Opened model(test::reranker_case());
  const auto reranker = Reranker::read(*model.file);
  ASSERT_TRUE(reranker) << reranker.error().message;
  EngineOptions options = test::TinyModel::options();
  options.kv_type = KvType::kF32;
  const auto scores =
      score_documents(*model.engine(options), *reranker, prompts_of(*reranker, kDocuments));
  ASSERT_TRUE(scores) << scores.error().message;
  const std::vector<double> want = {-0.4327129, -0.9756756, -0.1352131};
  for (std::size_t i = 0; i < want.size(); ++i) EXPECT_NEAR((*scores)[i], want[i], 1e-3) << i;
}

TEST(RerankerTest, ScoresDoNotDependOnCompany) {
  const Opened model(test::reranker_case());
  const auto reranker = Reranker::read(*model.file);
  const Prompts prompts = prompts_of(*reranker, kDocuments);
  const auto together = score_documents(*model.engine(), *reranker, prompts);
  ASSERT_TRUE(together) << together.error().message;
  EngineOptions options = test::TinyModel::options();
  options.threads = 3;
  const auto other = model.engine(options);
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    EXPECT_EQ((*score_documents(*other, *reranker, {&prompts[i], 1}))[0], (*together)[i]);
  }
}

// Of a decoder the last state counts: what prompts have in common is computed once.
TEST(RerankerTest, ADecodersPromptsShareTheirBeginning) {
  const test::TinyModel model("qwen3-dense");
  const auto alone = model.engine(), shared = model.engine();
  Prompts prompts = {model.prompt(70), model.prompt(70)};
  prompts[1].back() ^= 1;
  std::int64_t cached = 0;
  const auto pooled = pool_texts(*shared, prompts, Pooling::kLast, "document");
  ASSERT_TRUE(pooled) << pooled.error().message;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const auto one = model.engine();
    EXPECT_EQ(pool_texts(*one, {&prompts[i], 1}, Pooling::kLast, "document")->front().values(),
              (*pooled)[i].values());
  }
  GenerateRequest again;
  again.prompt = prompts[0];
  const auto states = std::make_shared<PooledStates>(Pooling::kLast);
  fill_pooled(states, shared->model().spec().width, again);
  again.on_start = [&](std::int64_t tokens) { cached = tokens; };
  ASSERT_TRUE(shared->submit(std::move(again)));
  test::finish(*shared);
  EXPECT_GE(cached, 64);
  EXPECT_EQ(states->values(), (*pooled)[0].values());
}

TEST(RerankerTest, TheBestComeFirstAndEqualOnesInTheirOrder) {
  EXPECT_EQ(best_first(std::vector<double>{0.1, 0.5, 0.1, 0.9}),
            (std::vector<std::size_t>{3, 1, 0, 2}));
}

TEST(RerankerTest, ADocumentThatIsTooLongIsNamed) {
  const Opened model(test::reranker_case());
  const auto reranker = Reranker::read(*model.file);
  const Prompts prompts = prompts_of(*reranker, {"a", std::string(80, 'a')});
  const auto scores =
      score_documents(*model.engine(test::TinyModel::options(), 64), *reranker, prompts);
  ASSERT_FALSE(scores);
  EXPECT_THAT(scores.error().message, testing::StartsWith("document 2: the prompt has "));
  EXPECT_THAT(check_fit(prompts, 64, "document").error().message, HasSubstr("document 2: "));
}

}  // namespace
}  // namespace linnet
