// LoRA adapters that are merged into weights.

#include "gguf/lora.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>

#include "quantize/choose_types.hpp"
#include "quantize/write_quantised.hpp"
#include "quantize/written_file.hpp"
#include "support/resource_limit.hpp"
#include "support/temporary_folder.hpp"

namespace linnet::quantize {
namespace {

using gguf::Lora;
using test::Matrix;
using testing::HasSubstr;

class LoraTest : public testing::Test {
 protected:
  static gguf::Writer metadata(const char* type, const char* architecture = "llama") {
    gguf::Writer writer;
    writer.add_string("general.type", type);
    writer.add_string("general.architecture", architecture);
    return writer;
  }
  static gguf::Writer adapter_metadata(double alpha = 6.0) {
    gguf::Writer writer = metadata("adapter");
    writer.add_string("adapter.type", "lora");
    writer.add_value("adapter.lora.alpha", {gguf::ValueType::kFloat32, alpha});
    return writer;
  }
  std::filesystem::path write_adapter(const std::vector<Matrix>& matrices,
                                      gguf::Writer writer = adapter_metadata()) const {
    test::written_file(folder_ / "adapter.gguf", matrices, std::move(writer));
    return folder_ / "adapter.gguf";
  }
  Result<Outcome> merge(std::string_view type, std::span<const Lora> adapters) const {
    const auto chosen = choose_types(model_, *find_types(type));
    if (!chosen) return chosen.error();
    ThreadPool pool(2);
    WriteOptions options;
    options.adapters = adapters;
    return write_quantised(model_, *chosen, pool, out_, options);
  }

  const test::TemporaryFolder folder_;
  const std::filesystem::path out_ = folder_ / "out.gguf";
  const gguf::File model_ =
      test::written_file(folder_ / "model.gguf",
                         {{"blk.0.attn_q.weight", {96, 1000}},  // more than a slice, and a rest
                          {"blk.0.ffn_up_exps.weight", {64, 8, 3}},
                          {"blk.0.attn_norm.weight", {96}}},
                         metadata("model"));
  const std::vector<Matrix> factors_ = {{"blk.0.attn_q.weight.lora_a", {96, 4}},
                                        {"blk.0.attn_q.weight.lora_b", {4, 1000}},
                                        {"blk.0.ffn_up_exps.weight.lora_a", {64, 2, 3}},
                                        {"blk.0.ffn_up_exps.weight.lora_b", {2, 8, 3}}};
};

TEST_F(LoraTest, AddsTheProductOfItsFactors) {
  const auto lora = Lora::open(write_adapter(factors_), model_, 0.5f);
  ASSERT_TRUE(lora) << lora.error().message;
  EXPECT_EQ(lora->matrices(), 2u);
  const auto outcome = merge("F32", {&*lora, 1});
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->adapted, 2);
  const auto result = gguf::File::open(out_);
  ASSERT_TRUE(result) << result.error().message;
  for (const std::size_t t : {0, 1}) {  // of the model; its factors are 2 t and 2 t + 1
    const gguf::Tensor& tensor = result->tensors()[t];
    const std::int64_t columns = tensor.shape[0], rows = tensor.shape[1], rank = t == 0 ? 4 : 2;
    const auto* const values = reinterpret_cast<const float*>(tensor.bytes.data());
    for (std::int64_t i = 0; i < tensor.elements(); ++i) {
      const std::int64_t row = i / columns, slice = row / rows;
      double want = test::weight_at(t, i);
      for (std::int64_t k = 0; k < rank; ++k) {
        const std::int64_t a = (slice * rank + k) * columns + i % columns;
        want += 0.5 * 6.0 / static_cast<double>(rank) * test::weight_at(2 * t, a) *
                test::weight_at(2 * t + 1, row * rank + k);
      }
      ASSERT_NEAR(values[i], want, 1e-6) << t << " " << i;
    }
  }
  const auto* const norm = reinterpret_cast<const float*>(result->tensors()[2].bytes.data());
  for (std::int64_t i = 0; i < 96; ++i) ASSERT_EQ(norm[i], test::weight_at(2, i));
}

// Of llama.cpp's converter: A has the rows of the table, B its columns.
TEST_F(LoraTest, FactorsOfAnEmbeddingTableAreTheOtherWayAround) {
  const gguf::File model = test::written_file(folder_ / "embedding.gguf",
                                              {{"token_embd.weight", {32, 50}}}, metadata("model"));
  const auto lora = Lora::open(
      write_adapter({{"token_embd.weight.lora_a", {4, 50}}, {"token_embd.weight.lora_b", {4, 32}}}),
      model, 0.5f);
  ASSERT_TRUE(lora) << lora.error().message;
  const Format* const f32 = find_format(TensorType::kF32);
  ThreadPool pool(2);
  WriteOptions options;
  options.adapters = {&*lora, 1};
  ASSERT_TRUE(write_quantised(model, {&f32, 1}, pool, out_, options));
  const auto result = gguf::File::open(out_);
  ASSERT_TRUE(result) << result.error().message;
  const auto* const values = reinterpret_cast<const float*>(result->tensors()[0].bytes.data());
  for (std::int64_t i = 0; i < 32 * 50; ++i) {
    double want = test::weight_at(0, i);
    for (std::int64_t k = 0; k < 4; ++k) {
      want +=
          0.5 * 6.0 / 4.0 * test::weight_at(0, i / 32 * 4 + k) * test::weight_at(1, i % 32 * 4 + k);
    }
    ASSERT_NEAR(values[i], want, 1e-6) << i;
  }
}

TEST_F(LoraTest, SeveralAddUp) {
  const auto path = write_adapter(factors_, adapter_metadata(/*alpha=*/0.0));
  const Lora twice[] = {*Lora::open(path, model_, 1.0f), *Lora::open(path, model_, 1.0f)};
  const auto outcome = merge("F32", twice);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->adapted, 2);
  const auto result = gguf::File::open(out_);
  const auto* const values = reinterpret_cast<const float*>(result->tensors()[0].bytes.data());
  double product = 0.0;  // of value 0
  for (std::int64_t k = 0; k < 4; ++k) {
    product += test::weight_at(0, k * 96) * test::weight_at(1, k);
  }
  EXPECT_NEAR(values[0], test::weight_at(0, 0) + 2.0 * product, 1e-7);
}

TEST_F(LoraTest, WorksBelowAnyType) {
  const auto lora = Lora::open(write_adapter(factors_), model_, 1.0f);
  ASSERT_TRUE(lora);
  const auto outcome = merge("Q8_0", {&*lora, 1});
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_GT(outcome->lost, 0.0);
  EXPECT_LT(outcome->lost, 0.01);
}

TEST_F(LoraTest, SaysWhatIsWrong) {
  const auto message = [&](const std::vector<Matrix>& matrices,
                           gguf::Writer writer = adapter_metadata()) {
    const auto lora = Lora::open(write_adapter(matrices, std::move(writer)), model_, 1.0f);
    return lora ? std::string() : lora.error().message;
  };
  EXPECT_EQ(message(factors_), "");
  EXPECT_THAT(message(factors_, metadata("model")), HasSubstr("is no LoRA adapter"));
  EXPECT_THAT(message(factors_, {}), HasSubstr("is no LoRA adapter"));
  gguf::Writer other = metadata("adapter", "gemma");
  other.add_string("adapter.type", "lora");
  EXPECT_THAT(message(factors_, std::move(other)), HasSubstr("another architecture"));
  gguf::Writer switched = adapter_metadata();
  switched.add_integer("adapter.alora.invocation_tokens", gguf::ValueType::kUint32, 1);
  EXPECT_THAT(message(factors_, std::move(switched)), HasSubstr("tokens of the text switch on"));
  EXPECT_THAT(message({}), HasSubstr("no factors"));
  EXPECT_THAT(message({{"blk.0.attn_norm.weight", {96}}}), HasSubstr("has no factors of a LoRA"));
  EXPECT_THAT(message({{"blk.0.attn_q.bias", {96}}}), HasSubstr("no factor of a LoRA"));
  EXPECT_THAT(message({factors_[0]}), HasSubstr("blk.0.attn_q.weight.lora_b is missing"));
  EXPECT_THAT(message({factors_[1]}), HasSubstr("blk.0.attn_q.weight.lora_a is missing"));
  EXPECT_THAT(message({{"x.lora_a", {96, 4}}, {"x.lora_b", {4, 1000}}}),
              HasSubstr("changes tensor x, which"));
  for (const Matrix& wrong : {Matrix{"blk.0.attn_q.weight.lora_b", {5, 1000}},
                              Matrix{"blk.0.attn_q.weight.lora_b", {4, 999}},
                              Matrix{"blk.0.attn_q.weight.lora_b", {4, 1000, 2}}}) {
    EXPECT_THAT(message({factors_[0], wrong}), HasSubstr("do not give the shape [96, 1000]"));
  }
  EXPECT_FALSE(Lora::open(folder_ / "absent.gguf", model_, 1.0f));
}

// As mergekit-extract-lora makes them.
TEST_F(LoraTest, LeavesNormsAsTheyAre) {
  std::vector<Matrix> tensors = factors_;
  tensors.push_back({"blk.0.attn_norm.weight", {96}});
  const auto lora = Lora::open(write_adapter(tensors), model_, 0.5f);
  ASSERT_TRUE(lora) << lora.error().message;
  EXPECT_EQ(lora->matrices(), 2u);
  const auto outcome = merge("F32", {&*lora, 1});
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->adapted, 2);
  const auto result = gguf::File::open(out_);
  const auto* const norm = reinterpret_cast<const float*>(result->tensors()[2].bytes.data());
  for (std::int64_t i = 0; i < 96; ++i) ASSERT_EQ(norm[i], test::weight_at(2, i));
}

TEST_F(LoraTest, NamesTheTensorThatItMakesInfinite) {
  const auto lora = Lora::open(write_adapter(factors_, adapter_metadata(3e38)), model_, 100.0f);
  ASSERT_TRUE(lora) << lora.error().message;
  const auto outcome = merge("F32", {&*lora, 1});
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().message,
              HasSubstr("blk.0.attn_q.weight holds, once adapted, a value that is not finite"));
}

// The factors of a rank without sense.
TEST_F(LoraTest, ThatDoesNotFitIntoMemoryIsAnError) {
  if (test::kHasSanitizer) GTEST_SKIP() << "the address space can't be limited";
  constexpr std::int64_t kRank = 100'000;
  const auto path = write_adapter({{"blk.0.ffn_up_exps.weight.lora_a", {64, kRank, 3}},
                                   {"blk.0.ffn_up_exps.weight.lora_b", {kRank, 8, 3}}});
  const auto lora = Lora::open(path, model_, 1.0f);
  ASSERT_TRUE(lora) << lora.error().message;
  std::int64_t used_pages = 0;
  std::ifstream("/proc/self/statm") >> used_pages;
  const test::AddressSpaceLimit limit(used_pages * sysconf(_SC_PAGESIZE) + (64 << 20));
  const auto outcome = merge("F32", {&*lora, 1});
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().message,
              HasSubstr("adapt tensor blk.0.ffn_up_exps.weight take 82 MiB of memory, but "));
  EXPECT_FALSE(std::filesystem::exists(out_));
}

// Those of NVFP4 and of BitNet are: the product would be scaled with the weights.
TEST(Lora, WeightsThatAnotherTensorScales) {
  const test::TemporaryFolder folder;
  const auto model = test::written_file(
      folder / "model.gguf", {{"blk.0.attn_q.weight", {256, 2}}, {"blk.0.attn_q.scale", {1}}});
  gguf::Writer metadata;
  metadata.add_string("general.type", "adapter");
  metadata.add_string("adapter.type", "lora");
  test::written_file(
      folder / "adapter.gguf",
      {{"blk.0.attn_q.weight.lora_a", {256, 1}}, {"blk.0.attn_q.weight.lora_b", {1, 2}}}, metadata);
  const auto lora = Lora::open(folder / "adapter.gguf", model, 1.0f);
  ASSERT_FALSE(lora);
  EXPECT_THAT(lora.error().message,
              HasSubstr("blk.0.attn_q.weight, which tensor blk.0.attn_q.scale scales"));
}

// It is told before hours of work.
TEST(Lora, WeightsOfATypeThatCantBeWritten) {
  const test::TemporaryFolder folder;
  const auto model = test::written_file(
      folder / "model.gguf", {{"a.weight", {256, 2}}, {"blk.0.norm", {256, 2}, TensorType::kNVFP4}},
      [] {
        gguf::Writer writer;
        writer.add_string("general.architecture", "llama");
        return writer;
      }());
  gguf::Writer metadata;
  metadata.add_string("general.type", "adapter");
  metadata.add_string("general.architecture", "llama");
  metadata.add_string("adapter.type", "lora");
  test::written_file(folder / "adapter.gguf",
                     {{"blk.0.norm.lora_a", {256, 1}}, {"blk.0.norm.lora_b", {1, 2}}}, metadata);
  const auto lora = Lora::open(folder / "adapter.gguf", model, 1.0f);
  ASSERT_TRUE(lora) << lora.error().message;
  const auto chosen = choose_types(model, *find_types("Q4_0"));
  ThreadPool pool(1);
  WriteOptions options;
  options.adapters = {&*lora, 1};
  bool is_begun = false;
  options.progress = [&](std::int64_t, std::int64_t) { return is_begun = true; };
  const auto outcome = write_quantised(model, *chosen, pool, folder / "out.gguf", options);
  ASSERT_FALSE(outcome);
  EXPECT_FALSE(is_begun);
  EXPECT_THAT(outcome.error().message, HasSubstr("is adapted, but can't be written as NVFP4"));
}

}  // namespace
}  // namespace linnet::quantize
