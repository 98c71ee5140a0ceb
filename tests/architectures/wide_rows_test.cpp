#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <vector>

#include "support/evaluate.hpp"
#include "support/temporary_folder.hpp"
#include "synth/synthesise.hpp"

namespace linnet {
namespace {

// Rows of 1024 numbers and more do not follow one another in memory (Workspace), unless there is
// but one of them. The golden models are narrower.
class WideRows : public testing::TestWithParam<synth::Shape> {};

TEST_P(WideRows, LogitsAreTheSameTogetherAsOneByOne) {
  const test::TemporaryFolder folder;
  const auto path = folder / "wide.gguf";
  ASSERT_TRUE(synth::write_model(GetParam(), *synth::find_types("Q8_0"), 1, path));
  std::vector<std::int32_t> tokens(9);
  std::iota(tokens.begin(), tokens.end(), 40);
  const auto backend = make_cpu_backend(2);
  const auto alone = test::evaluate(path, *backend, tokens, /*chunk=*/1);
  ASSERT_TRUE(alone) << alone.error().message;
  const auto together = test::evaluate(path, *backend, tokens, /*chunk=*/9);
  ASSERT_TRUE(together) << together.error().message;
  ASSERT_EQ(together->logits.size(), alone->logits.size());
  EXPECT_EQ(std::memcmp(together->logits.data(), alone->logits.data(),
                        alone->logits.size() * sizeof(float)),
            0);
}

constexpr synth::Shape kDense{.name = "dense",
                              .architecture = "qwen3",
                              .layers = 1,
                              .width = 1024,
                              .heads = 8,
                              .kv_heads = 4,
                              .head_width = 256,
                              .ffn_width = 1088,
                              .vocabulary = 1056,
                              .context = 64,
                              .rope_base = 10000.0,
                              .tied_output = false,
                              .head_norms = synth::HeadNorms::kEachHead};

constexpr synth::Shape experts() {
  synth::Shape shape = kDense;
  shape.name = "experts";
  shape.architecture = "olmoe";
  shape.head_norms = synth::HeadNorms::kAllHeads;
  shape.kv_heads = 8;
  shape.experts = 4;
  shape.experts_used = 2;
  return shape;
}

INSTANTIATE_TEST_SUITE_P(Shapes, WideRows, testing::Values(kDense, experts()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace linnet
