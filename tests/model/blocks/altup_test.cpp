#include "model/blocks/altup.hpp"

#include <gtest/gtest.h>

#include "model/blocks/block_case.hpp"

namespace linnet {
namespace {

using test::Row;
using test::Rows;

constexpr std::int64_t kWidth = 6, kRows = 16;
constexpr int kStreams = 3, kRank = 2;

double magnitude(const Row& x) {
  return std::sqrt(test::dot(x, x) / static_cast<double>(x.size()));
}

class AltupTest : public testing::Test {
 protected:
  AltupTest() { case_.model.residual.altup_streams = kStreams; }

  void add_layer() {
    case_.file.tensor("blk.0.altup_router_norm.weight", {kWidth})
        .tensor("blk.0.altup_router.weight", {kWidth, kStreams})
        .tensor("blk.0.altup_predict_coef.weight", {kStreams, kStreams * kStreams})
        .tensor("blk.0.altup_correct_coef.weight", {kStreams, kStreams})
        .tensor("blk.0.altup_correct_scale.weight", {kWidth})
        .tensor("blk.0.laurel_l.weight", {kWidth, kRank})
        .tensor("blk.0.laurel_r.weight", {kRank, kWidth})
        .tensor("blk.0.laurel_post_norm.weight", {kWidth});
  }
  AltupWeights load() {
    return case_.load(
        [&](WeightLoader& loader) { return load_altup(loader, case_.model, "blk.0"); });
  }
  AltupTable load_table() {
    return case_.load(
        [&](WeightLoader& loader) { return load_altup_table(loader, case_.model, "altup"); });
  }
  Row product(const Row& x, const std::string& tensor) {
    return test::product(x, case_.matrix("blk.0." + tensor + ".weight"));
  }
  // https://arxiv.org/abs/2301.13310 as Gemma 3n has it: how the streams are mixed for a token.
  Row modalities(const Row& x) {
    const Row normed = test::rms_norm(x, case_.vector("blk.0.altup_router_norm.weight"), 1e-5);
    return test::each(product(1.0 / kWidth * normed, "altup_router"),
                      [](double value) { return std::tanh(value); });
  }

  test::BlockCase case_{kWidth, kRows};
};

TEST_F(AltupTest, StreamsAreProjectionsOfTheSameMagnitude) {
  case_.file.tensor("altup.weight", {kWidth, kWidth, kStreams - 1});
  const AltupTable table = load_table();
  std::vector<float> second(kRows * kWidth);
  case_.run(altup_columns(case_.model), [&](const Pass& pass, View in, View out) {
    const std::vector<View> streams = spread_streams(pass, table, in);
    ASSERT_EQ(streams.size(), 3u);
    EXPECT_EQ(streams[0].data, in.data);
    pass.backend.copy(streams[1], out);
    pass.backend.download(streams[2], second.data());
  });
  const auto want = [&](std::size_t stream) {
    Rows rows;
    for (const Row& x : case_.input()) {
      const Row projected = test::product(x, case_.matrices("altup.weight")[stream]);
      rows.push_back(magnitude(x) / magnitude(projected) * projected);
    }
    return rows;
  };
  test::expect_near(case_.out, want(0));
  test::expect_near(second, want(1));
}

TEST_F(AltupTest, TheyAreGatheredAsTheirMean) {
  case_.file.tensor("altup.weight", {kWidth, kWidth, kStreams - 1});
  const AltupTable table = load_table();
  const std::vector<float> others[] = {test::random_floats(kRows * kWidth, 1),
                                       test::random_floats(kRows * kWidth, 2)};
  case_.run(altup_columns(case_.model), [&](const Pass& pass, View in, View out) {
    std::vector<View> streams = {out};
    pass.backend.copy(in, out);
    for (const std::vector<float>& other : others) {
      streams.push_back(pass.workspace.view(in.rows, kWidth));
      pass.backend.upload(other, streams.back().data);
    }
    gather_streams(pass, table, streams);
  });
  Rows want;
  for (std::size_t r = 0; r < kRows; ++r) {
    const Row x = case_.input()[r];
    Row sum = x;
    for (std::size_t i = 0; i < 2; ++i) {
      const Row back =
          test::product(test::rows_of(others[i], kWidth)[r], case_.matrices("altup.weight")[i]);
      sum = sum + magnitude(x) / magnitude(back) * back;
    }
    want.push_back(1.0 / kStreams * sum);
  }
  test::expect_near(case_.out, want);
}

// Predicted, then corrected by what a layer made of the first stream: here twice the prediction.
TEST_F(AltupTest, StreamsArePredictedAndCorrected) {
  add_layer();
  const AltupWeights weights = load();
  const std::vector<float> second = test::random_floats(kRows * kWidth, 1),
                           third = test::random_floats(kRows * kWidth, 2);
  case_.run(altup_columns(case_.model), [&](const Pass& pass, View in, View out) {
    std::vector<View> streams = {pass.workspace.view(in.rows, kWidth),
                                 pass.workspace.view(in.rows, kWidth), out};
    pass.backend.copy(in, streams[0]);
    pass.backend.upload(second, streams[1].data);
    pass.backend.upload(third, streams[2].data);
    const std::vector<View> predicted = predict_streams(pass, weights, streams);
    const View computed = pass.workspace.view(in.rows, kWidth);
    pass.backend.copy(predicted[0], computed);
    pass.backend.scale(computed, 2.0f);
    correct_streams(pass, weights, predicted, computed, streams);
  });
  Rows want;  // of the last stream
  for (std::size_t r = 0; r < kRows; ++r) {
    const Row streams[] = {case_.input()[r], test::rows_of(second, kWidth)[r],
                           test::rows_of(third, kWidth)[r]};
    const Row predict = product(modalities(streams[0]), "altup_predict_coef");
    std::vector<Row> predicted;
    for (int to = 0; to < kStreams; ++to) {
      Row sum = streams[to];
      for (int from = 0; from < kStreams; ++from) {
        sum = sum + predict[to * kStreams + from] * streams[from];
      }
      predicted.push_back(sum);
    }
    const Row computed = 2.0 * predicted[0];
    const Row correct = product(modalities(computed), "altup_correct_coef");
    const Row innovation = computed + -1.0 * predicted[0];
    want.push_back(predicted[2] + (1.0 + correct[2]) * innovation);
  }
  test::expect_near(case_.out, want);
}

TEST_F(AltupTest, LaurelIsALowRankPathBesideTheInput) {
  add_layer();
  const AltupWeights weights = load();
  case_.run(altup_columns(case_.model),
            [&](const Pass& pass, View in, View out) { laurel_block(pass, weights, in, out); });
  Rows want;
  for (const Row& x : case_.input()) {
    const Row low = product(product(x, "laurel_l"), "laurel_r");
    want.push_back(x + test::rms_norm(low, case_.vector("blk.0.laurel_post_norm.weight"), 1e-5));
  }
  test::expect_near(case_.out, want);
}

}  // namespace
}  // namespace linnet
