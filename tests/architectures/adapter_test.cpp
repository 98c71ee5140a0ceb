// For each architecture case: an adapter of all projections that is added while the model runs
// gives what one gives that was merged into the weights, and the logits do not depend on how a
// sequence is cut into batches.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <limits>

#include "quantize/write_quantised.hpp"
#include "support/adapter_file.hpp"
#include "support/evaluate.hpp"
#include "support/normalised_error.hpp"
#include "support/oracle_case.hpp"
#include "support/temporary_folder.hpp"
#include "support/test_name.hpp"

namespace linnet {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRefusal = "can't be adapted while a model runs";

class AdapterTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const auto oracle = test::OracleCase::read(GetParam());
    tokens_ = oracle.tokens();
    input_ = oracle.input();
    test::write_without_scales(oracle, model_);
    const auto file = gguf::File::open(model_);
    ASSERT_TRUE(file) << file.error().message;
    for (const gguf::Tensor& tensor : file->tensors()) {
      if (tensor.dimensions >= 2 && tensor.format->type == TensorType::kF32) {
        adapter_.tensors.emplace_back(tensor.name);
      }
    }
    drop_what_is_refused();
  }

  void drop_what_is_refused() {
    while (!adapter_.tensors.empty()) {
      const gguf::Lora lora = test::opened_adapter(adapter_, folder_ / "adapter.gguf", model_);
      const auto result =
          test::evaluate(model_, *backend_, std::span(tokens_).first(1), 1, input_, {&lora, 1});
      if (result) return;
      const std::string& message = result.error().message;
      ASSERT_THAT(message, testing::HasSubstr(kRefusal));
      const auto named = std::ranges::find_if(adapter_.tensors, [&](const std::string& name) {
        return message.find("tensor " + name + ",") != std::string::npos;
      });
      ASSERT_NE(named, adapter_.tensors.end()) << message;
      refused_.push_back(*named);
      adapter_.tensors.erase(named);
    }
  }

  std::vector<float> evaluate(const fs::path& path, Backend& backend, std::int64_t chunk,
                              std::span<const gguf::Lora> adapters = {}) {
    auto result = test::evaluate(path, backend, tokens_, chunk, input_, adapters);
    if (!result) return ADD_FAILURE() << result.error().message, std::vector<float>{};
    can_be_cut_ = result->can_be_cut;
    // Tokens that are never drawn have the lowest number, beside which no other counts.
    std::ranges::replace(result->logits, std::numeric_limits<float>::lowest(), 0.0f);
    return std::move(result->logits);
  }

  void merge(const gguf::Lora& lora) const {
    const auto file = gguf::File::open(model_);
    ASSERT_TRUE(file) << file.error().message;
    std::vector<const Format*> types;
    for (const gguf::Tensor& tensor : file->tensors()) types.push_back(tensor.format);
    ThreadPool pool(1);
    quantize::WriteOptions options;
    options.adapters = {&lora, 1};
    const auto outcome =
        quantize::write_quantised(*file, types, pool, folder_ / "merged.gguf", options);
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(outcome->adapted, std::ssize(adapter_.tensors));
  }

  const test::TemporaryFolder folder_;
  const fs::path model_ = folder_ / "model.gguf";
  const std::unique_ptr<Backend> backend_ = make_cpu_backend(1);
  std::vector<std::int32_t> tokens_, input_;
  test::AdapterFile adapter_;
  std::vector<std::string> refused_;
  bool can_be_cut_ = true;
};

// One test: to find what is refused takes most of the time.
TEST_P(AdapterTest, ComesToWhatAMergedOneDoesWhateverTheBatches) {
  for (const std::string& name : refused_) {
    EXPECT_TRUE(test::is_left_to_merging(name)) << name;
  }
  ASSERT_FALSE(adapter_.tensors.empty());
  const gguf::Lora lora = test::opened_adapter(adapter_, folder_ / "adapter.gguf", model_);
  ASSERT_NO_FATAL_FAILURE(merge(lora));
  const std::vector<float> merged = evaluate(folder_ / "merged.gguf", *backend_, 64);
  const std::vector<float> adapted = evaluate(model_, *backend_, 64, {&lora, 1});
  const double largest = 10.0 * test::largest_error(GetParam());
  EXPECT_LE(test::normalised_error(adapted, merged), largest);
  EXPECT_GT(test::normalised_error(evaluate(model_, *backend_, 64), merged), 1e-3);

  const auto threads = make_cpu_backend(3);
  EXPECT_TRUE(evaluate(model_, *threads, 64, {&lora, 1}) == adapted);
  if (!can_be_cut_) return;
  for (const std::int64_t chunk : {1, 5}) {
    EXPECT_TRUE(evaluate(model_, *threads, chunk, {&lora, 1}) == adapted) << chunk;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, AdapterTest, testing::ValuesIn(test::oracle_case_names()),
                         test::test_name<std::string>);

}  // namespace
}  // namespace linnet
