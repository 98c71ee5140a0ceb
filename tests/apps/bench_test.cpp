// `linnet bench` as a user runs it: not how fast, but what it counts.

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <vector>

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
  EXPECT_EQ(json["int16_operations_per_prompt_token"], 0.0);
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

// The n-th prompt and the n-th generation are measured together, at each depth.
TEST(Bench, ListsGiveARunEach) {
  const std::string model = test::kBundledModel.string();
  const test::Arguments lists = {"bench", "--gguf", model, "-p",   "8,16,0", "-n", "1,2",
                                 "-n",    "3",      "-d",  "0,32", "-r",     "1"};
  const auto json = json_of(run_program(test::joined(lists, {"--json"})));
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["prompt_tokens"], 8);
  EXPECT_EQ(json["generated_tokens"], 1);
  std::vector<std::array<int, 3>> runs;
  for (const auto& run : json["runs"]) {
    runs.push_back({run["prompt_tokens"], run["generated_tokens"], run["depth"]});
    EXPECT_EQ(run["prompt_tokens_per_second"].is_null(), run["prompt_tokens"] == 0);
    EXPECT_EQ(run["prompt_share_of_ceiling"].is_null(), run["prompt_tokens"] == 0);
    EXPECT_NE(run["prompt_tokens_per_second"], 0.0);
    EXPECT_GT(run["generation_tokens_per_second"], 0);
  }
  EXPECT_EQ(runs, (std::vector<std::array<int, 3>>{
                      {8, 1, 0}, {16, 2, 0}, {0, 3, 0}, {8, 1, 32}, {16, 2, 32}, {0, 3, 32}}));
  const Ended text = run_program(lists);
  EXPECT_THAT(text.out, testing::ContainsRegex("prompt +16 +32 "));
  EXPECT_THAT(text.out, testing::ContainsRegex("generation +3 +0 "));
  const Ended csv = run_program(test::joined(lists, {"--csv"}));
  EXPECT_EQ(std::ranges::count(csv.out, '\n'), 7);
}

}  // namespace
}  // namespace linnet
