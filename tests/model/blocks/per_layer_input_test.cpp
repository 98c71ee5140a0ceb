#include "model/blocks/per_layer_input.hpp"

#include <gtest/gtest.h>

#include <numbers>

#include "model/blocks/block_case.hpp"

namespace linnet {
namespace {

using test::Row;
using test::Rows;

constexpr std::int64_t kWidth = 6, kRows = 16, kOwn = 3, kLayers = 2, kVocabulary = 50;

class PerLayerInputTest : public testing::Test {
 protected:
  PerLayerInputTest() {
    case_.model.per_layer_width = kOwn;
    case_.model.vocabulary = kVocabulary;
    case_.model.layers.resize(kLayers);
  }
  test::BlockCase case_{kWidth, kRows};
};

// Gemma 3n: the embeddings of all layers, times sqrt(own width), and a projection of the common
// one, divided by sqrt(width) and normalised for each layer, together divided by sqrt(2).
TEST_F(PerLayerInputTest, OwnEmbeddingsWithAProjectionOfTheCommonOne) {
  case_.file.tensor("per_layer_token_embd.weight", {kOwn * kLayers, kVocabulary})
      .tensor("per_layer_model_proj.weight", {kWidth, kOwn * kLayers})
      .tensor("per_layer_proj_norm.weight", {kOwn});
  const PerLayerTable table =
      case_.load([&](WeightLoader& loader) { return load_per_layer_table(loader, case_.model); });
  case_.run(kOwn * kLayers, [&](const Pass& pass, View in, View out) {
    make_per_layer_inputs(pass, table, in, out);  // as many columns as the residual stream here
  });
  Rows want;
  for (std::size_t r = 0; r < kRows; ++r) {
    const Row projected =
        1.0 / std::sqrt(6.0) *
        test::product(case_.input()[r], case_.matrix("per_layer_model_proj.weight"));
    const Row own = case_.matrix("per_layer_token_embd.weight")[case_.tokens[r]];
    Row all;
    for (int layer = 0; layer < kLayers; ++layer) {
      const Row normed = test::rms_norm(test::columns(projected, layer * kOwn, kOwn),
                                        case_.vector("per_layer_proj_norm.weight"), 1e-5);
      const Row sum = normed + std::sqrt(3.0) * test::columns(own, layer * kOwn, kOwn);
      for (const double value : sum) all.push_back(value / std::numbers::sqrt2);
    }
    want.push_back(all);
  }
  test::expect_near(case_.out, want);
}

TEST_F(PerLayerInputTest, ALayerTakesItsOwnIn) {
  case_.file.tensor("blk.0.inp_gate.weight", {kWidth, kOwn})
      .tensor("blk.0.proj.weight", {kOwn, kWidth})
      .tensor("blk.0.post_norm.weight", {kWidth});
  const PerLayerWeights weights = case_.load(
      [&](WeightLoader& loader) { return load_per_layer(loader, case_.model, "blk.0"); });
  const std::vector<float> own = test::random_floats(kRows * kOwn, 3);
  case_.run(2 * kOwn, [&](const Pass& pass, View in, View out) {
    const View input = pass.workspace.view(in.rows, kOwn);
    pass.backend.upload(own, input.data);
    per_layer_block(pass, weights, input, in, out);
  });
  const auto gelu = [](double x) {  // its tanh form, with argument and value in half precision
    return 0.5 * x *
           (1.0 + std::tanh(std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
  };
  const Rows gate =
      test::each(test::product(case_.input(), case_.matrix("blk.0.inp_gate.weight")), gelu);
  const Rows projected =
      test::product(test::times(gate, test::rows_of(own, kOwn)), case_.matrix("blk.0.proj.weight"));
  const Rows want = test::rms_norm(projected, case_.vector("blk.0.post_norm.weight"), 1e-5);
  for (std::size_t r = 0; r < kRows; ++r) {
    for (std::size_t c = 0; c < kWidth; ++c) {
      ASSERT_NEAR(case_.out[r * kWidth + c], want[r][c], 5e-3) << "row " << r << ", column " << c;
    }
  }
}

}  // namespace
}  // namespace linnet
