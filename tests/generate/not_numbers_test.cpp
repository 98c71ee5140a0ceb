// A text for which the model gives what is no number fails with a sentence; those beside it go on.
// With the reference backend, which takes damaged weights as they are; the others find them while
// they load, and then only what overflows becomes no number.

#include <gmock/gmock.h>

#include <limits>

#include "generate/embedding.hpp"
#include "support/model_copy.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

using test::Text;
using testing::HasSubstr;

constexpr float kNotANumber = std::numeric_limits<float>::quiet_NaN();
constexpr std::int32_t kBadToken = 5;

// The embedding of kBadToken is damaged.
std::unique_ptr<ModelFile> damaged(const test::TinyModel& model, const std::filesystem::path& to) {
  constexpr std::size_t kWidth = 64;
  const Status written = test::ModelCopy()
                             .fill("token_embd.weight", kNotANumber, kBadToken * kWidth, kWidth)
                             .write(to, model.path());
  EXPECT_TRUE(written) << written.error().message;
  auto file = ModelFile::open(to.string());
  EXPECT_TRUE(file) << file.error().message;
  return std::move(*file);
}

EngineOptions on_reference() {
  EngineOptions options = test::TinyModel::options();
  options.backend = BackendKind::kReference;
  return options;
}

TEST(NotNumbers, EndTheirTextOnly) {
  const test::TemporaryFolder folder;
  const test::TinyModel model("llama-dense");
  const auto file = damaged(model, folder / "damaged.gguf");
  auto engine = Engine::load(*file, on_reference(), 256);
  ASSERT_TRUE(engine) << engine.error().message;
  Text bad, good;
  submit(**engine, test::greedy({1, kBadToken, 2}, 4), bad);
  submit(**engine, test::greedy({1, 3, 2}, 4), good);
  test::finish(**engine);
  EXPECT_THAT(bad.error, HasSubstr("the logits of token 3 are NaN or infinite"));
  EXPECT_FALSE(bad.reason);
  EXPECT_TRUE(bad.tokens.empty());
  EXPECT_EQ(good.reason, FinishReason::kLength);
  const auto sound = model.engine(on_reference());
  EXPECT_EQ(good.tokens, test::run(*sound, test::greedy({1, 3, 2}, 4)).tokens);
}

// Experts are read when they are first used.
TEST(NotNumbers, InAnExpertAreAnErrorThatNamesTheTensor) {
  const test::TemporaryFolder folder;
  const test::TinyModel model("qwen3moe-moe");
  const std::filesystem::path path = folder / "damaged.gguf";
  const char* const tensor = "blk.1.ffn_up_exps.weight";
  const Status written =
      test::ModelCopy().fill(tensor, kNotANumber, 0, 1).write(path, model.path());
  ASSERT_TRUE(written) << written.error().message;
  const auto file = ModelFile::open(path.string());
  ASSERT_TRUE(file) << file.error().message;
  auto engine = Engine::load(**file, test::TinyModel::options(), 256);
  ASSERT_TRUE(engine) << engine.error().message;
  const Status status =
      (*engine)->logits(model.prompt(100), {}, 0, [](std::span<const float>) { return Status(); });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, path.string() + ": tensor " + tensor +
                                        ": some weights are not finite: the file is damaged");
}

TEST(NotNumbers, MakeNoEmbedding) {
  const test::TemporaryFolder folder;
  const test::TinyModel model("llama-dense");
  const auto file = damaged(model, folder / "damaged.gguf");
  auto engine = Engine::load(*file, on_reference(), 256);
  ASSERT_TRUE(engine) << engine.error().message;
  const std::vector<std::vector<TokenId>> texts = {{1, 2}, {1, kBadToken, 2}};
  const auto vectors = embed_texts(**engine, texts, Pooling::kMean);
  ASSERT_FALSE(vectors);
  EXPECT_THAT(vectors.error().message,
              HasSubstr("text 2: the hidden states of token 3 are NaN or infinite"));
}

}  // namespace
}  // namespace linnet
