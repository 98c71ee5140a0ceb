// `linnet bench` as a user runs it: not how fast, but what it counts.

#include <gmock/gmock.h>

#include "support/bundled_model.hpp"
#include "support/oracle_case.hpp"

namespace linnet {
namespace {

using test::Ended;
using test::json_of;
using test::run_program;
using testing::HasSubstr;

Ended bench(const std::string& model, const std::string& form) {
  return run_program({"bench", "--gguf", model, "-p", "8", "-n", "1", "-r", "1", form});
}

TEST(Bench, CountsProductsWithMatricesAlone) {
  const std::string model = test::kBundledModel.string();
  const auto file = gguf::File::open(model);
  ASSERT_TRUE(file) << file.error().message;
  double operations = 0.0;  // all of its matrices are quantised
  for (const gguf::Tensor& tensor : file->tensors()) {
    const bool is_head = tensor.name == "token_embd.weight" || tensor.name == "output.weight";
    if (tensor.dimensions == 2 && !is_head) operations += 2.0 * tensor.elements();
  }
  const auto json = json_of(bench(model, "--json"));
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["int8_operations_per_prompt_token"], operations);
  EXPECT_EQ(json["float_operations_per_prompt_token"], 0.0);
}

// Not of the buffer whose reading tells how fast memory is.
TEST(Bench, PeakMemoryIsThatOfTheRuns) {
  const auto json = json_of(bench(test::kBundledModel.string(), "--json"));
  ASSERT_TRUE(json.is_object());
  if (json["read_buffer_bytes"] == 0) GTEST_SKIP() << "memory is short";
  EXPECT_GT(json["peak_memory_bytes"], 0);
  EXPECT_LT(json["peak_memory_bytes"], json["read_buffer_bytes"]);
}

TEST(Bench, CountsNoTablesOfWhichARowIsRead) {
  const test::TemporaryFolder folder;
  const std::string model = (folder / "model.gguf").string();
  ASSERT_TRUE(test::OracleCase::read("gemma3n-dense").write(model));
  const auto file = gguf::File::open(model);
  ASSERT_TRUE(file) << file.error().message;
  const gguf::Tensor* const table = file->find_tensor("per_layer_token_embd.weight");
  ASSERT_NE(table, nullptr);
  std::int64_t all = 0;
  for (const gguf::Tensor& tensor : file->tensors()) all += std::ssize(tensor.bytes);
  const auto json = json_of(bench(model, "--json"));
  ASSERT_TRUE(json.is_object());
  EXPECT_LT(json["bytes_read_per_generated_token"], all - std::ssize(table->bytes) + 100'000);
}

TEST(Bench, CsvOfANameWithQuotes) {
  const test::TemporaryFolder folder;
  const std::string model = (folder / "model.gguf").string();
  ASSERT_TRUE(test::ModelCopy().set_text("general.name", R"(a "b", c\)").write(model));
  EXPECT_THAT(bench(model, "--csv").out, HasSubstr(R"(,"a ""b"", c\",)"));
}

}  // namespace
}  // namespace linnet
