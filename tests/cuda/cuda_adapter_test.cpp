// Adapters of models on the GPU, and of models of which only some layers are there.

#include <regex>

#include "cuda/cuda_rows.hpp"
#include "cuda/dense_shape.hpp"
#include "support/adapter_file.hpp"
#include "support/evaluate.hpp"
#include "support/normalised_error.hpp"
#include "support/oracle_case.hpp"
#include "support/temporary_folder.hpp"
#include "support/test_name.hpp"
#include "synth/synthesise.hpp"

namespace linnet {
namespace {

// Adapters of the projections that architectures have in common: several of one input, gate and
// up, onto the residual, a router, heads that are wide and narrow.
bool is_adapted(const gguf::Tensor& tensor) {
  static const std::regex kNames(
      R"((blk\.\d+\.(attn_(q|k|v|qkv|output|gate|q_a|q_b|kv_a_mqa)|ffn_(gate|up|down|gate_inp))"
      R"(|ssm_(in|out|x|dt)|indexer\.(proj|attn_q_b))|output)\.weight)");
  return tensor.dimensions == 2 && std::regex_match(std::string(tensor.name), kNames);
}

class CudaAdapterModelTest : public test::CudaTest {
 protected:
  using Places = std::vector<LayerPlace>;

  // Two adapters of each projection of the model in model_.
  void make_adapters() {
    const auto file = gguf::File::open(model_);
    ASSERT_TRUE(file) << file.error().message;
    test::AdapterFile adapter;
    for (const gguf::Tensor& tensor : file->tensors()) {
      if (is_adapted(tensor)) adapter.tensors.emplace_back(tensor.name);
    }
    ASSERT_GT(adapter.tensors.size(), 4u);
    adapters_.push_back(test::opened_adapter(adapter, folder_ / "first.gguf", model_));
    adapter.rank = 5;
    adapter.salt = 7;
    adapters_.push_back(test::opened_adapter(adapter, folder_ / "second.gguf", model_, -0.5f));
  }

  std::vector<float> evaluate(const Places& places, std::int64_t chunk,
                              std::span<const gguf::Lora> adapters) const {
    auto result = test::evaluate(model_, places, tokens_, chunk, {}, adapters);
    if (!result) return ADD_FAILURE() << result.error().message, std::vector<float>{};
    return std::move(result->logits);
  }

  // `largest_on_cpu` where the CPU has the first layer.
  void expect_agreement_with_the_reference(double largest_error, double largest_on_cpu) {
    const std::vector<float> want = evaluate({{reference_.get()}}, kTokens, adapters_);
    EXPECT_GT(test::normalised_error(evaluate({{reference_.get()}}, kTokens, {}), want), 1e-2);
    for (const std::int64_t chunk : {kTokens, std::int64_t{2}}) {
      const std::vector<float> got = evaluate({{cuda_.get()}}, chunk, adapters_);
      EXPECT_LE(test::normalised_error(got, want), largest_error) << "batches of " << chunk;
    }
    const auto cpu = make_cpu_backend(1);
    const std::vector<float> got = evaluate({{cpu.get(), 1}, {cuda_.get()}}, 7, adapters_);
    EXPECT_LE(test::normalised_error(got, want), largest_on_cpu) << "the first layer on the CPU";
  }

  static constexpr std::int64_t kTokens = 12;
  const test::TemporaryFolder folder_;
  const std::filesystem::path model_ = folder_ / "model.gguf";
  std::vector<std::int32_t> tokens_;
  std::vector<gguf::Lora> adapters_;
};

class CudaAdaptedModelTest : public CudaAdapterModelTest,
                             public testing::WithParamInterface<std::string> {};

TEST_P(CudaAdaptedModelTest, GivesWhatTheReferenceDoes) {
  const auto oracle = test::OracleCase::read(GetParam());
  const std::vector<std::int32_t> tokens = oracle.tokens();
  tokens_.assign(tokens.begin(), tokens.begin() + kTokens);
  test::write_without_scales(oracle, model_);
  ASSERT_NO_FATAL_FAILURE(make_adapters());
  const double largest = std::max(1e-6, test::largest_error(GetParam()));
  expect_agreement_with_the_reference(largest, largest);
}

INSTANTIATE_TEST_SUITE_P(Cases, CudaAdaptedModelTest,
                         testing::Values("llama-dense", "qwen3moe-moe", "jamba-dense",
                                         "deepseek32-moe"),
                         test::test_name<std::string>);

// Products of quantised weights leave inputs in other forms than those of adapters take.
TEST_F(CudaAdapterModelTest, OfQuantisedWeights) {
  for (int token = 0; token < kTokens; ++token) tokens_.push_back(3 + token * 7 % 300);
  const Status written = synth::write_model(test::kDense, *synth::find_types("Q4_K"), 1, model_);
  ASSERT_TRUE(written) << written.error().message;
  ASSERT_NO_FATAL_FAILURE(make_adapters());
  // Tensor cores multiply in binary16, the CPU has inputs of 8 bits.
  expect_agreement_with_the_reference(2e-5, 2e-3);
}

}  // namespace
}  // namespace linnet
