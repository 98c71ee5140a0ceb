#include "quantize/write_quantised.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <limits>

#include "quantize/choose_types.hpp"
#include "quantize/written_file.hpp"
#include "support/gguf_bytes.hpp"
#include "support/temporary_folder.hpp"

namespace linnet::quantize {
namespace {

namespace fs = std::filesystem;
using test::Matrix;
using test::read_file;
using testing::HasSubstr;

class WriteQuantised : public testing::Test {
 protected:
  Result<Outcome> write(const gguf::File& file, std::string_view type, int threads = 2) const {
    const TypeMix mix = *find_types(type);
    const auto chosen = choose_types(file, mix);
    if (!chosen) return chosen.error();
    ThreadPool pool(threads);
    WriteOptions options;
    options.file_type = mix.file_type;
    return write_quantised(file, *chosen, pool, out_, options);
  }
  const test::TemporaryFolder folder_;
  const fs::path in_ = folder_ / "in.gguf", out_ = folder_ / "out.gguf";
};

std::vector<float> values_of(const gguf::Tensor& tensor) {
  std::vector<float> values(static_cast<std::size_t>(tensor.elements()));
  tensor.format->dequantize(tensor.bytes.data(), values.data(), tensor.elements());
  return values;
}

TEST_F(WriteQuantised, ValuesAreThoseOfTheFormat) {
  // More than one slice of values, and a rest.
  const auto file = test::written_file(
      in_, {{"blk.0.attn_q.weight", {256, 700}}, {"blk.0.attn_norm.weight", {64}}});
  const auto outcome = write(file, "Q6_K");
  ASSERT_TRUE(outcome) << outcome.error().message;
  const auto result = gguf::File::open(out_);
  ASSERT_TRUE(result) << result.error().message;

  const gguf::Tensor& before = *file.find_tensor("blk.0.attn_q.weight");
  const gguf::Tensor& after = *result->find_tensor("blk.0.attn_q.weight");
  ASSERT_EQ(after.format->name, "Q6_K");
  ASSERT_EQ(after.shape, before.shape);
  const std::vector<float> old_values = values_of(before), new_values = values_of(after);
  double lost = 0.0, whole = 0.0;
  for (std::size_t i = 0; i < old_values.size(); ++i) {
    ASSERT_NEAR(new_values[i], old_values[i], 0.003f) << i;
    lost += std::pow(double{new_values[i]} - old_values[i], 2);
    whole += std::pow(double{old_values[i]}, 2);
  }
  EXPECT_NEAR(outcome->lost, std::sqrt(lost / whole), 1e-9);
  EXPECT_EQ(outcome->converted, 1);
  EXPECT_EQ(outcome->converted_again, 0);
  EXPECT_EQ(outcome->values, 256 * 700 + 64);
  EXPECT_EQ(outcome->before_bytes, 4 * outcome->values);
  EXPECT_EQ(outcome->after_bytes, 700 * 210 + 4 * 64);
  EXPECT_EQ(values_of(*result->find_tensor("blk.0.attn_norm.weight")),
            values_of(*file.find_tensor("blk.0.attn_norm.weight")));
}

TEST_F(WriteQuantised, MetadataIsTheFilesButForWhatChanges) {
  gguf::Writer writer;
  writer.add_string("general.architecture", "llama");
  writer.add_integer("general.file_type", gguf::ValueType::kUint32, 1);
  writer.add_integer("general.alignment", gguf::ValueType::kUint32, 128);
  writer.add_integer("split.count", gguf::ValueType::kUint16, 1);
  writer.add_number("llama.rope.freq_base", gguf::ValueType::kFloat32, 500000.0);
  const std::string tokens[] = {"a", "", "b\n"};
  writer.add_strings("tokenizer.ggml.tokens", tokens);
  const auto file = test::written_file(in_, {{"token_embd.weight", {32, 3}}}, writer);
  const auto outcome = write(file, "Q8_0");
  ASSERT_TRUE(outcome) << outcome.error().message;
  const auto result = gguf::File::open(out_);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(**result->string("general.architecture"), "llama");
  EXPECT_EQ(**result->integer("general.file_type"), 7);
  EXPECT_EQ(**result->integer("general.quantization_version"), 2);
  EXPECT_EQ(result->alignment(), 128u);
  EXPECT_EQ(result->find("split.count"), nullptr);
  EXPECT_EQ(**result->number("llama.rope.freq_base"), 500000.0);
  const gguf::Array* strings = *result->array("tokenizer.ggml.tokens");
  ASSERT_EQ(strings->size(), 3u);
  EXPECT_EQ(strings->string(2), "b\n");
}

TEST_F(WriteQuantised, APlanIsWhatBecomes) {
  const auto file = test::written_file(in_, {{"blk.0.attn_q.weight", {256, 8}, TensorType::kQ8_0},
                                             {"blk.0.attn_norm.weight", {64}}});
  const auto chosen = choose_types(file, *find_types("Q4_0"));
  const auto plan = plan_quantised(file, *chosen);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_TRUE(!fs::exists(out_));
  const auto outcome = write(file, "Q4_0");
  EXPECT_EQ(plan->before_bytes, outcome->before_bytes);
  EXPECT_EQ(plan->after_bytes, outcome->after_bytes);
  EXPECT_EQ(plan->values, outcome->values);
  EXPECT_EQ(plan->converted, 1);
  EXPECT_EQ(plan->converted_again, 1);
}

TEST_F(WriteQuantised, MetadataThatDoesNotFitIntoMemoryIsAnError) {
  // A sparse file: texts of a terabyte, of which only their lengths take room on the disk.
  constexpr std::uint64_t kCount = 1 << 14, kLength = std::uint64_t{64} << 20;
  test::GgufBytes bytes;
  bytes.tensor_count = 0;
  bytes.raw_array("large", /*string=*/8, kCount, "");
  test::write_file(in_, bytes.bytes());
  const std::uint64_t begin = fs::file_size(in_);
  std::error_code error;
  fs::resize_file(in_, begin + kCount * (sizeof kLength + kLength), error);
  if (error) GTEST_SKIP() << "no sparse file of a terabyte here: " << error.message();
  {
    std::fstream texts(in_, std::ios::in | std::ios::out | std::ios::binary);
    for (std::uint64_t i = 0; i < kCount; ++i) {
      texts.seekp(static_cast<std::streamoff>(begin + i * (sizeof kLength + kLength)));
      texts.write(reinterpret_cast<const char*>(&kLength), sizeof kLength);
    }
    ASSERT_TRUE(texts.flush());
  }
  const auto file = gguf::File::open(in_);
  ASSERT_TRUE(file) << file.error().message;
  ThreadPool pool(1);
  const auto outcome = write_quantised(*file, {}, pool, out_);
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().message, HasSubstr("copies of its metadata take"));
}

TEST_F(WriteQuantised, ThreadsDoNotMatter) {
  const auto file = test::written_file(in_, {{"blk.0.attn_q.weight", {256, 2000}}});
  ASSERT_TRUE(write(file, "Q4_K", 1));
  const std::string alone = read_file(out_);
  ASSERT_TRUE(write(file, "Q4_K", 3));
  EXPECT_EQ(read_file(out_), alone);
}

TEST_F(WriteQuantised, TensorsThatWereQuantisedBeforeAreCounted) {
  const auto file = test::written_file(in_, {{"blk.0.attn_q.weight", {256, 8}, TensorType::kQ8_0},
                                             {"blk.0.attn_k.weight", {256, 8}, TensorType::kQ4_0},
                                             {"blk.0.attn_v.weight", {256, 8}}});
  const auto outcome = write(file, "Q4_0");
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->converted, 2);
  EXPECT_EQ(outcome->converted_again, 1);
}

TEST_F(WriteQuantised, ProgressEndsAtTheWhole) {
  const auto file = test::written_file(
      in_, {{"blk.0.attn_q.weight", {256, 700}}, {"blk.0.attn_norm.weight", {64}}});
  const auto chosen = choose_types(file, *find_types("Q5_1"));
  ThreadPool pool(2);
  std::int64_t last = 0, whole = -1;
  WriteOptions options;
  options.progress = [&](std::int64_t done, std::int64_t all) {
    EXPECT_GT(done, last);
    last = done;
    whole = all;
    return true;
  };
  ASSERT_TRUE(write_quantised(file, *chosen, pool, out_, options));
  EXPECT_EQ(last, whole);
}

TEST_F(WriteQuantised, WhatIsStoppedLeavesNothing) {
  const auto file = test::written_file(
      in_, {{"blk.0.attn_q.weight", {256, 700}}, {"blk.0.attn_norm.weight", {64}}});
  const auto chosen = choose_types(file, *find_types("Q5_1"));
  ThreadPool pool(1);
  WriteOptions options;
  options.progress = [](std::int64_t, std::int64_t) { return false; };
  const auto outcome = write_quantised(file, *chosen, pool, out_, options);
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().message, HasSubstr("stopped"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), {}), 1);  // in.gguf
}

class WriteQuantisedOf : public WriteQuantised, public testing::WithParamInterface<float> {};

TEST_P(WriteQuantisedOf, ValuesThatCantBeKept) {
  gguf::Writer writer;
  const std::int64_t shape[] = {256, 2};
  writer.add_tensor("blk.0.attn_q.weight", *find_format(TensorType::kF32), shape);
  ASSERT_TRUE(writer.write(in_, [&](std::size_t, const gguf::Writer::Sink& sink) {
    std::vector<float> values(512, 0.5f);
    values[300] = GetParam();
    return sink(std::as_bytes(std::span(values)));
  }));
  const auto file = gguf::File::open(in_);
  ASSERT_TRUE(file);
  for (const char* const type : {"Q4_0", "Q4_1", "Q4_K", "Q6_K", "Q8_0", "F16"}) {
    const auto outcome = write(*file, type);
    ASSERT_FALSE(outcome) << type;
    EXPECT_THAT(outcome.error().message, HasSubstr("blk.0.attn_q.weight holds a value")) << type;
    EXPECT_FALSE(fs::exists(out_)) << type;
  }
}

INSTANTIATE_TEST_SUITE_P(Extremes, WriteQuantisedOf,
                         testing::Values(std::numeric_limits<float>::quiet_NaN(),
                                         std::numeric_limits<float>::infinity(), -1e30f));

}  // namespace
}  // namespace linnet::quantize
