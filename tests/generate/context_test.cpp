// How many tokens a text and a cache may have, with numbers as large as they get.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "support/model_copy.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();

TEST(Context, IsExceededByTheLargestNumber) {
  EXPECT_TRUE(check_context(10, 90, 100));
  EXPECT_FALSE(check_context(10, 91, 100));
  const Status status = check_context(10, kLargest, 100);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("together 9223372036854775807, but"));
}

TEST(Context, ATextWithoutAnEndIsRefusedAndOthersGoOn) {
  const test::TinyModel model("llama-dense");
  const auto engine = model.engine(test::TinyModel::options(), 4 * kPageTokens);
  EXPECT_FALSE(engine->submit(test::greedy(model.prompt(5), kLargest)));
  EXPECT_EQ(test::run(*engine, test::greedy(model.prompt(5), 3)).tokens.size(), 3u);
}

// Its tokens see each other, so that all come in one step.
TEST(Context, OfATextThatIsReadAsOneIsAStep) {
  const test::TinyModel model("bert-own");
  EngineOptions options = test::TinyModel::options();
  options.context = 64;
  const auto engine = model.engine(options, 256);
  EXPECT_EQ(engine->longest_text(), 64);
  GenerateRequest request;
  request.prompt = model.prompt(65);
  request.on_hidden = [](std::int64_t, std::span<const float>) {};
  const Status status = engine->submit(std::move(request));
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("has 65 tokens, but the context holds 64"));
}

// A file that says so of a model that keeps nothing of a token gets no more than memory has.
TEST(Context, OfAModelWithoutKeysIsLimitedByMemory) {
  const test::TemporaryFolder folder;
  const test::TinyModel model("mamba-dense");
  const Status written =
      test::ModelCopy()
          .set("mamba.context_length", gguf::ValueType::kUint32, Hyperparameters::kLargestCount)
          .write(folder / "long.gguf", model.path());
  ASSERT_TRUE(written) << written.error().message;
  const auto file = ModelFile::open((folder / "long.gguf").string());
  ASSERT_TRUE(file) << file.error().message;
  const auto plan = (*file)->plan({});
  ASSERT_TRUE(plan) << plan.error().message;
  const MemoryShare& share = plan->shares.front();
  if (share.available_bytes == 0) GTEST_SKIP() << "the available memory can't be read here";
  EXPECT_LE(share.bytes(plan->context), share.available_bytes);
  EXPECT_GE(share.bytes(plan->context), 16 * plan->context);
  EXPECT_LE(plan->tokens_in_half(), share.available_bytes / 32);
}

// Its step is as long as the context, and takes far more memory than the cache.
TEST(Context, OfATextThatIsReadAsOneIsLimitedByItsStep) {
  const test::TemporaryFolder folder;
  const test::TinyModel model("eurobert-own");
  const Status written =
      test::ModelCopy()
          .set("eurobert.context_length", gguf::ValueType::kUint32, Hyperparameters::kLargestCount)
          .write(folder / "long.gguf", model.path());
  ASSERT_TRUE(written) << written.error().message;
  const auto file = ModelFile::open((folder / "long.gguf").string());
  ASSERT_TRUE(file) << file.error().message;
  EngineOptions options = test::TinyModel::options();
  options.kv_type = KvType::kF32;
  const auto plan = (*file)->plan(options);
  ASSERT_TRUE(plan) << plan.error().message;
  const MemoryShare& share = plan->shares.front();
  if (share.available_bytes == 0) GTEST_SKIP() << "the available memory can't be read here";
  EXPECT_GT(share.step_bytes, plan->kv_bytes());
  EXPECT_LE(share.bytes(plan->context), share.available_bytes);
  const auto engine = Engine::load(**file, options, plan->context);
  EXPECT_TRUE(engine) << engine.error().message;
}

TEST(Context, ACacheOfMorePagesThanNumbersIsRefused) {
  const test::TinyModel model("mamba-dense");
  for (const std::int64_t tokens : {std::int64_t{1} << 36, kLargest}) {
    const auto engine = Engine::load(model.file(), test::TinyModel::options(), tokens);
    ASSERT_FALSE(engine);
    EXPECT_THAT(engine.error().message, HasSubstr("tokens was asked for, expected at most"));
  }
}

}  // namespace
}  // namespace linnet
