// Models of which only some layers are on the GPU.

#include <algorithm>

#include "cuda/cuda_rows.hpp"
#include "support/evaluate.hpp"
#include "support/normalised_error.hpp"
#include "support/oracle_case.hpp"
#include "support/test_name.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

class CudaSplitModelTest : public test::CudaTest,
                           public testing::WithParamInterface<std::string> {};

// Where the layers can part; 0: nowhere.
int border_near_the_middle(const ModelSpec& spec) {
  const auto layers = static_cast<int>(spec.layers.size());
  for (int away = 0; away < layers; ++away) {
    for (const int border : {layers / 2 - away, layers / 2 + away}) {
      if (border > 0 && border < layers && can_part(spec, border)) return border;
    }
  }
  return 0;
}

// What stays on the CPU is computed as there: to its precision.
TEST_P(CudaSplitModelTest, GivesTheGoldenLogits) {
  const test::TinyModel model(GetParam());
  const auto oracle = test::OracleCase::read(GetParam());
  const auto cpu = make_cpu_backend(1);
  const ModelSpec& spec = model.file().spec();
  const int border = border_near_the_middle(spec);
  ASSERT_GT(border, 0);
  const LayerPlace places[] = {{cpu.get(), border}, {cuda_.get()}};
  const auto result = test::evaluate(model.path(), places, oracle.tokens(), 31);
  ASSERT_TRUE(result) << result.error().message;
  std::vector<float> got, want;
  for (const auto& [position, row] : oracle.logits()) {
    const float* first = result->logits.data() + position * result->columns;
    got.insert(got.end(), first, first + row.size());
    want.insert(want.end(), row.begin(), row.end());
  }
  EXPECT_LE(test::normalised_error(got, want), std::max(1e-6, test::largest_error(GetParam())));
}

INSTANTIATE_TEST_SUITE_P(Cases, CudaSplitModelTest,
                         testing::Values("llama-dense", "jamba-dense", "qwen35moe-moe",
                                         "gemma3n-dense", "graniteswitch-own", "rwkv7-own",
                                         "kimi-k3-own", "deepseek32-moe", "deepseek4-own",
                                         "hy_v4-own"),
                         test::test_name<std::string>);

class CudaSplitModelTextTest : public test::CudaTest,
                               public testing::WithParamInterface<std::string> {
 protected:
  // The texts of two prompts that begin alike, one behind the other, so that pages and states are
  // copied.
  static std::vector<std::vector<std::int32_t>> texts(const test::TinyModel& model,
                                                      const EngineOptions& options) {
    const auto engine = model.engine(options, 128);
    std::vector<std::vector<std::int32_t>> result;
    for (const int length : {40, 44}) {
      result.push_back(test::run(*engine, test::greedy(model.prompt(length), 6)).tokens);
    }
    return result;
  }
};

TEST_P(CudaSplitModelTextTest, TheTextIsThatOfTheCpu) {
  const test::TinyModel model(GetParam());
  EngineOptions options = test::TinyModel::options();
  options.kv_type = KvType::kF32;
  const auto want = texts(model, options);
  options.backend = BackendKind::kCuda;
  options.cuda = test::options_of_environment();
  options.gpu_layers = 1;
  EXPECT_EQ(texts(model, options), want);
}

INSTANTIATE_TEST_SUITE_P(Cases, CudaSplitModelTextTest,
                         testing::Values("llama-dense", "qwen3moe-moe", "jamba-dense"),
                         test::test_name<std::string>);

}  // namespace
}  // namespace linnet
