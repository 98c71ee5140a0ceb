// What absurd metadata ask for is refused with large numbers, never with wrapped ones.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "generate/engine.hpp"
#include "generate/loading/part_bytes.hpp"
#include "gguf/gguf_writer.hpp"
#include "support/temporary_folder.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

// A llama of the largest sizes that are not refused when they are read.
Status write_giant(const std::filesystem::path& path) {
  constexpr int kLayers = Hyperparameters::kMostLayers;
  const auto count = [](gguf::Writer& writer, const char* key, std::int64_t value) {
    writer.add_integer(key, gguf::ValueType::kUint32, value);
  };
  gguf::Writer writer;
  writer.add_string("general.architecture", "llama");
  writer.add_string("tokenizer.ggml.model", "no_vocab");
  count(writer, "llama.block_count", kLayers);
  count(writer, "llama.embedding_length", Hyperparameters::kWidest);
  count(writer, "llama.context_length", Hyperparameters::kLargestCount);
  count(writer, "llama.attention.head_count", Hyperparameters::kMostHeads);
  count(writer, "llama.attention.key_length", Hyperparameters::kWidestHead);
  count(writer, "llama.attention.value_length", Hyperparameters::kWidestHead);
  const std::int64_t shape[] = {1};
  for (int i = 0; i < kLayers; ++i) {
    writer.add_tensor("blk." + std::to_string(i) + ".attn_norm.weight", *find_format("F32"), shape);
  }
  return writer.write(path, [](std::size_t, const gguf::Writer::Sink& sink) {
    return sink(std::vector<std::byte>(4));
  });
}

class MemoryPlanTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string path = folder_ / "giant.gguf";
    const Status written = write_giant(path);
    ASSERT_TRUE(written) << written.error().message;
    auto file = ModelFile::open(path);
    ASSERT_TRUE(file) << file.error().message;
    file_ = std::move(*file);
  }
  const test::TemporaryFolder folder_;
  std::unique_ptr<ModelFile> file_;
};

TEST_F(MemoryPlanTest, SumsEndAtTheLargestNumber) {
  EngineOptions options;
  options.kv_type = KvType::kF32;
  options.force = true;
  const auto plan = file_->plan(options);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->shares.front().kv_bytes_per_token, Hyperparameters::kMostLayers *
                                                         Hyperparameters::kMostHeads * 2 *
                                                         Hyperparameters::kWidestHead * 4);
  EXPECT_EQ(plan->kv_bytes(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(plan->total_bytes(), std::numeric_limits<std::int64_t>::max());
}

TEST_F(MemoryPlanTest, ItDoesNotFit) {
  const auto plan = file_->plan({});
  ASSERT_FALSE(plan);
  EXPECT_THAT(plan.error().message, testing::HasSubstr("needs 8796093022207 MiB of memory"));
}

TEST(MemoryPlanOfFourBitsTest, IsOfTheCpuOnly) {
  const test::TinyModel model("llama-dense");
  EngineOptions options = test::TinyModel::options();
  options.kv_type = KvType::kQ4_0;
  options.context = 4096;
  const auto plan = model.file().plan(options);
  ASSERT_TRUE(plan) << plan.error().message;
  const auto engine = model.engine(options, options.context);
  const auto store = engine->model().make_kv_store(options.kv_type, options.context / kPageTokens);
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_GE(plan->kv_bytes(), (*store)->size_bytes());
  EXPECT_LT(plan->kv_bytes(), 2 * (*store)->size_bytes());
  options.backend = BackendKind::kCuda;
  const auto on_gpu = model.file().plan(options);
  ASSERT_FALSE(on_gpu);
  EXPECT_EQ(on_gpu.error().message,
            "the CUDA backend keeps no keys and values in q4_0; f8_e4m3 and q8_0 are its smallest "
            "types");
}

// So that the context that is chosen leaves room for it, and it is known before anything is loaded.
TEST(MemoryPlanOfADraftModelTest, CountsItsWeightsAndKeys) {
  const test::TinyModel model("llama-dense"), draft("qwen2-dense");
  EngineOptions options = test::TinyModel::options();
  options.context = 4096;
  const auto plain = model.file().plan(options), alone = draft.file().plan(options);
  options.speculate = true;
  options.draft_model = draft.path();
  const auto both = model.file().plan(options);
  ASSERT_TRUE(plain && alone && both);
  EXPECT_EQ(both->weights_bytes(), plain->weights_bytes() + alone->weights_bytes());
  EXPECT_EQ(both->kv_bytes(), plain->kv_bytes() + alone->kv_bytes());
  options.draft_model = "/nowhere.gguf";
  const auto none = model.file().plan(options);
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, testing::HasSubstr("/nowhere.gguf"));
}

TEST(MemoryPlanOfCompressedKeysTest, CountsPagesTheirDenseCopyAndState) {
  const test::TinyModel model("deepseek4-own");
  EngineOptions options = test::TinyModel::options();
  options.context = 4096;
  const auto plan = model.file().plan(options);
  ASSERT_TRUE(plan) << plan.error().message;
  const auto engine = model.engine(options, options.context);
  const std::int64_t pages = options.context / kPageTokens;
  const auto store = engine->model().make_kv_store(options.kv_type, pages);
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_NEAR(static_cast<double>(plan->kv_bytes()) / (*store)->size_bytes(), 1.0, 0.01);
  // Two layers keep 8 tokens twice as wide as a key and an index key, one keeps 128, with scores.
  EXPECT_EQ(state_bytes(engine->model().spec()), (2 * 8 * 2 * 2 * (32 + 64) + 128 * 2 * 32) * 4);
  EXPECT_EQ(plan->shares.front().state_bytes % state_bytes(engine->model().spec()), 0);
}

TEST(MemoryPlanOfSpeculationTest, CountsWhatStatesAreRedoneWith) {
  const test::TinyModel model("qwen35moe-moe");
  EngineOptions options = test::TinyModel::options();
  options.limits.outputs = 20;
  const auto plain = model.file().plan(options);
  options.speculate = true;
  const auto speculating = model.file().plan(options);
  ASSERT_TRUE(plain && speculating);
  // A layer with a state: two heads of 128 keys and values; the convolution and the scan read all
  // three of both, and the scan two numbers of a head.
  const std::int64_t read = 2 * (2 * 3 * 128 + 2);
  const std::int64_t bytes =
      speculating->shares.front().state_bytes - plain->shares.front().state_bytes;
  EXPECT_GE(bytes, 20 * 4 * read);
  EXPECT_LE(bytes, 20 * 4 * 2 * read + (20 << 10)) << "what they give, and gaps";
}

TEST(MemoryPlanOfSpeculationTest, CountsNothingWhereThereIsNoState) {
  const test::TinyModel model("llama-dense");
  EngineOptions options = test::TinyModel::options();
  const auto plain = model.file().plan(options);
  options.speculate = true;
  const auto speculating = model.file().plan(options);
  ASSERT_TRUE(plain && speculating);
  EXPECT_EQ(speculating->total_bytes(), plain->total_bytes());
}

// The CPU's layout of weights of few bits takes up to 2.2 times as much as the file.
TEST(MemoryPlanOfWeightsTest, CountsThemAsTheyArePacked) {
  const test::TemporaryFolder folder;
  const Format& format = *find_format("IQ2_XXS");
  const std::int64_t shape[] = {256, 64, 3};
  const std::vector<std::byte> bytes(static_cast<std::size_t>(format.size_bytes(256 * 64 * 3)));
  gguf::Writer writer;
  writer.add_string("general.architecture", "llama");
  writer.add_tensor("blk.0.ffn_up_exps.weight", format, shape);
  const Status written = writer.write(
      folder / "m.gguf", [&](std::size_t, const gguf::Writer::Sink& sink) { return sink(bytes); });
  ASSERT_TRUE(written) << written.error().message;
  const auto file = gguf::File::open(folder / "m.gguf");
  ASSERT_TRUE(file) << file.error().message;
  ModelSpec spec;
  spec.layers.resize(1);
  const auto packed = make_cpu_backend(1)->upload({&format, bytes.data(), 256, 64, 3});
  ASSERT_TRUE(packed) << packed.error().message;
  EXPECT_GT((*packed)->size_bytes(), std::ssize(bytes) * 3 / 2);
  EXPECT_EQ(weights_bytes(*file, spec, {BackendKind::kCpu, {}}), (*packed)->size_bytes());
  EXPECT_EQ(weights_bytes(*file, spec, {BackendKind::kReference, {}}), std::ssize(bytes));
}

}  // namespace
}  // namespace linnet
