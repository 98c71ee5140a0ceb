// Guesses on the CUDA backend: states go back and through the rows that were right, also where the
// first layer stays on the CPU.

#include <string>
#include <tuple>

#include "cuda/cuda_rows.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

class CudaSpeculationTest : public test::CudaTest,
                            public testing::WithParamInterface<std::tuple<const char*, int>> {
 protected:
  // A text of few tokens repeats itself, so that lookups are right now and then.
  static GenerateRequest request(const test::TinyModel& model) {
    std::vector<std::int32_t> prompt = model.prompt(20);
    prompt.insert(prompt.end(), prompt.begin(), prompt.begin() + 10);
    GenerateRequest request = test::greedy(std::move(prompt), 30);
    request.sampling.temperature = 0.5f;
    request.sampling.top_k = 3;
    request.sampling.seed = 1;
    for (int i = 0; i < 4; ++i) request.sampling.logit_bias.push_back({10 + i, 8.0f});
    return request;
  }
};

TEST_P(CudaSpeculationTest, TheTextIsThatOfTheCpu) {
  const auto [name, gpu_layers] = GetParam();
  const test::TinyModel model(name);
  EngineOptions options = test::TinyModel::options();
  options.kv_type = KvType::kF32;
  const auto want = test::run(*model.engine(options, 128), request(model)).tokens;
  options.backend = BackendKind::kCuda;
  options.cuda = test::options_of_environment();
  options.gpu_layers = gpu_layers;
  options.speculate = true;
  const auto engine = model.engine(options, 128);
  EXPECT_EQ(test::run(*engine, request(model)).tokens, want);
  const auto& speculation = engine->scheduler().speculation();
  EXPECT_GT(speculation.accepted, 0);
  EXPECT_GT(speculation.guessed, speculation.accepted) << "wrong guesses were tried, too";
}

std::string name_of(const testing::TestParamInfo<std::tuple<const char*, int>>& info) {
  std::string name = std::get<0>(info.param);
  std::ranges::replace(name, '-', '_');
  return name + "_" + std::to_string(std::get<1>(info.param));
}

INSTANTIATE_TEST_SUITE_P(Cases, CudaSpeculationTest,
                         testing::Values(std::tuple("llama-dense", 2),
                                         std::tuple("qwen35moe-moe", 2),
                                         std::tuple("jamba-dense", 1), std::tuple("rwkv7-own", 1),
                                         std::tuple("deepseek4-own", 5)),
                         name_of);

}  // namespace
}  // namespace linnet
