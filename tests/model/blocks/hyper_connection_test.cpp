#include "model/blocks/hyper_connection.hpp"

#include <gtest/gtest.h>

#include "model/blocks/block_case.hpp"

namespace linnet {
namespace {

using test::Row;
using test::Rows;
using test::sigmoid;

constexpr std::int64_t kWidth = 5, kRows = 16;
constexpr int kStreams = 3, kAll = kStreams * kWidth;

class HyperConnectionTest : public testing::Test {
 protected:
  HyperConnectionTest() {
    case_.model.residual.hyper_connection = {.streams = kStreams, .epsilon = 1e-4f};
  }

  HyperConnectionWeights load(bool writes = true) {
    return case_.load([&](WeightLoader& loader) {
      return load_hyper_connection(loader, case_.model, "blk.0.hc", writes);
    });
  }
  // Streams i * x of the rows x, of which a block reads; its result is `result_`. What it read is
  // in `out`, and what the streams become in `streams_`.
  void run() {
    const HyperConnectionWeights weights = load();
    streams_.resize(kRows * kAll);
    case_.run(hyper_connection_columns(case_.model), [&](const Pass& pass, View in, View out) {
      const View streams = spread_to_streams(pass, in);
      const View all = all_streams(case_.model, streams);
      for (int i = 0; i < kStreams; ++i) {
        pass.backend.scale(all.slice(i * kWidth, kWidth), static_cast<float>(i + 1));
      }
      const View write = make_write_weights(pass, streams);
      pass.backend.copy(read_streams(pass, weights, streams, write), out);
      const View result = block_result(case_.model, streams);
      for (std::int64_t r = 0; r < kRows; ++r) {
        pass.backend.upload(std::span(result_).subspan(r * kWidth, kWidth), result.row(r));
      }
      write_streams(pass, write, streams);
      pass.backend.download(all, streams_.data());
    });
  }
  // Of a row: all streams side by side, and one of them.
  static Row all_of(const Row& x) {
    Row all;
    for (int i = 0; i < kStreams; ++i) {
      for (const double value : x) all.push_back((i + 1) * value);
    }
    return all;
  }
  Row result(std::size_t row) { return test::rows_of(result_, kWidth)[row]; }
  Row vector(const std::string& part) { return case_.vector("blk.0.hc_" + part + ".weight"); }
  Rows matrix(const std::string& part) { return case_.matrix("blk.0.hc_" + part + ".weight"); }

  std::vector<float> result_ = test::random_floats(kRows * kWidth, 6);
  std::vector<float> streams_;
  test::BlockCase case_{kWidth, kRows};
};

// https://arxiv.org/abs/2512.24880, section 4.2: what streams keep of each other is made doubly
// stochastic by Sinkhorn and Knopp's iterations.
TEST_F(HyperConnectionTest, StreamsMixByADoublyStochasticMatrix) {
  constexpr int kMixes = kStreams * (kStreams + 2);
  case_.model.residual.hyper_connection.iterations = 20;
  case_.file.tensor("blk.0.hc_fn.weight", {kAll, kMixes})
      .tensor("blk.0.hc_scale.weight", {3}, {0.3f, 0.2f, 0.1f})
      .tensor("blk.0.hc_base.weight", {kMixes});
  run();
  Rows read(kRows), want(kRows);
  for (std::size_t r = 0; r < kRows; ++r) {
    const Row x = case_.input()[r];
    Row mixes = test::product(test::rms_norm(all_of(x), 1e-5), matrix("fn"));
    for (int i = 0; i < kMixes; ++i) {
      const int part = std::min(i / kStreams, 2);
      mixes[i] = mixes[i] * vector("scale")[part] + vector("base")[i];
    }
    double factor = 0.0;
    for (int i = 0; i < kStreams; ++i) factor += (i + 1) * (sigmoid(mixes[i]) + 1e-4);
    read[r] = factor * x;

    double kept[kStreams][kStreams];  // [from][to]
    for (int i = 0; i < kStreams * kStreams; ++i) {
      kept[i / kStreams][i % kStreams] = std::exp(mixes[2 * kStreams + i]);
    }
    for (int i = 0; i < 1000; ++i) {  // to the end
      for (auto& row : kept) {
        const double sum = row[0] + row[1] + row[2];
        for (double& value : row) value /= sum;
      }
      for (int to = 0; to < kStreams; ++to) {
        const double sum = kept[0][to] + kept[1][to] + kept[2][to];
        for (auto& row : kept) row[to] /= sum;
      }
    }
    for (int to = 0; to < kStreams; ++to) {
      double of_x = 0.0;
      for (int from = 0; from < kStreams; ++from) of_x += kept[from][to] * (from + 1);
      const Row stream = of_x * x + 2.0 * sigmoid(mixes[kStreams + to]) * result(r);
      want[r].insert(want[r].end(), stream.begin(), stream.end());
    }
  }
  test::expect_near(case_.out, read);
  // The iterations add epsilon and stop before the end.
  for (std::size_t r = 0; r < kRows; ++r) {
    for (std::size_t c = 0; c < kAll; ++c) {
      ASSERT_NEAR(streams_[r * kAll + c], want[r][c], 0.02) << "row " << r << ", column " << c;
    }
  }
}

// Hunyuan 4: streams stay what they were and take in `magnitude` sigmoids of the result.
TEST_F(HyperConnectionTest, StreamsMayStayApart) {
  case_.model.residual.hyper_connection.magnitude = 1.5f;
  case_.file.tensor("blk.0.hc_fn.weight", {kAll, 2 * kStreams})
      .tensor("blk.0.hc_scale.weight", {2}, {0.3f, 0.2f})
      .tensor("blk.0.hc_base.weight", {2 * kStreams});
  run();
  Rows read(kRows), want(kRows);
  for (std::size_t r = 0; r < kRows; ++r) {
    const Row x = case_.input()[r];
    Row mixes = test::product(test::rms_norm(all_of(x), 1e-5), matrix("fn"));
    for (int i = 0; i < 2 * kStreams; ++i) {
      mixes[i] = mixes[i] * vector("scale")[i / kStreams] + vector("base")[i];
    }
    double factor = 0.0;
    for (int i = 0; i < kStreams; ++i) {
      factor += (i + 1) * (sigmoid(mixes[i]) + 1e-4);
      const Row stream = (i + 1.0) * x + (1.5 * sigmoid(mixes[kStreams + i]) + 1e-4) * result(r);
      want[r].insert(want[r].end(), stream.begin(), stream.end());
    }
    read[r] = factor * x;
  }
  test::expect_near(case_.out, read);
  test::expect_near(streams_, want);
}

// Qwen 3.8: a block reads the mean of the streams, each normalised and gated by a product of a low
// rank.
TEST_F(HyperConnectionTest, StreamsMayBeGated) {
  constexpr int kRank = 2;
  case_.model.residual.hyper_connection.gate_rank = kRank;
  case_.file.tensor("blk.0.hc_norm.weight", {kAll})
      .tensor("blk.0.hc_down.weight", {kAll, kRank})
      .tensor("blk.0.hc_up.weight", {kRank, kAll})
      .tensor("blk.0.hc_inject.weight", {kAll, kStreams});
  run();
  Rows read(kRows), want(kRows);
  for (std::size_t r = 0; r < kRows; ++r) {
    const Row x = case_.input()[r];
    Row normed;
    for (int i = 0; i < kStreams; ++i) {
      const Row stream =
          test::rms_norm((i + 1.0) * x, test::columns(vector("norm"), i * kWidth, kWidth), 1e-5);
      normed.insert(normed.end(), stream.begin(), stream.end());
    }
    const Row low = test::each(1.0 / kStreams * test::product(normed, matrix("down")), test::silu);
    const Row gated = test::times(normed, test::each(test::product(low, matrix("up")), sigmoid));
    const Row write = 1.0 / kStreams * test::product(normed, matrix("inject"));
    read[r] = Row(kWidth);
    for (int i = 0; i < kStreams; ++i) {
      read[r] = read[r] + 1.0 / kStreams * test::columns(gated, i * kWidth, kWidth);
      const Row stream = (i + 1.0) * x + 2.0 * sigmoid(write[i]) * result(r);
      want[r].insert(want[r].end(), stream.begin(), stream.end());
    }
  }
  test::expect_near(case_.out, read);
  test::expect_near(streams_, want);
}

TEST_F(HyperConnectionTest, MostModelsHaveOneStream) {
  case_.model.residual.hyper_connection = {};
  EXPECT_FALSE(load().mixes);
  EXPECT_EQ(hyper_connection_columns(case_.model), 0);
}

}  // namespace
}  // namespace linnet
