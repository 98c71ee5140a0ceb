// Texts whose samplers get what they need of the logits, and all of them: the same.

#include "cuda/cuda_rows.hpp"
#include "support/tiny_engine.hpp"

namespace linnet {
namespace {

struct Sampling {
  const char* name;
  SamplingParams params;
  bool speculate = false;
};

std::vector<Sampling> samplings() {
  SamplingParams greedy, penalised, top_k, min_p;
  penalised.repeat_penalty = 1.3f;
  penalised.dry_multiplier = 1.0f;
  penalised.banned_tokens = {3, 4};
  top_k = penalised;
  top_k.temperature = min_p.temperature = 1.1f;
  top_k.seed = min_p.seed = 5;
  top_k.top_k = 12;
  top_k.top_p = 0.9f;
  min_p.min_p = 0.2f;
  return {{"greedy", greedy},
          {"penalised", penalised},
          {"top_k", top_k},
          {"min_p", min_p},
          {"guessed", greedy, true},
          {"guessed_penalised", penalised, true},
          {"guessed_top_k", top_k, true}};
}

class CudaSamplingModelTest : public test::CudaTest, public testing::WithParamInterface<Sampling> {
 protected:
  static std::vector<std::int32_t> text(const test::TinyModel& model, bool picks) {
    EngineOptions options = test::TinyModel::options();
    options.backend = BackendKind::kCuda;
    options.cuda = test::options_of_environment();
    options.cuda.picks = picks;
    options.gpu_layers = 1 << 10;
    options.speculate = GetParam().speculate;
    const auto engine = model.engine(options, 64);
    auto prompt = model.prompt(6);
    for (int i = 0; i < 6; ++i) prompt.push_back(prompt[static_cast<std::size_t>(i)]);
    GenerateRequest request = test::greedy(prompt, 8);
    request.sampling = GetParam().params;
    request.min_tokens = 3;
    request.stop_tokens = {7};
    return test::run(*engine, std::move(request)).tokens;
  }
};

TEST_P(CudaSamplingModelTest, TheTextIsThatOfWholeRows) {
  const test::TinyModel model("llama-dense");
  const auto want = text(model, false);
  EXPECT_GE(want.size(), 3u);
  EXPECT_EQ(text(model, true), want);
}

INSTANTIATE_TEST_SUITE_P(Chains, CudaSamplingModelTest, testing::ValuesIn(samplings()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace linnet
