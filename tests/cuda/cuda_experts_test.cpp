#include <algorithm>

#include "cuda/cuda_rows.hpp"

namespace linnet {
namespace {

using test::DeviceRows;
using test::PackedSource;
using test::random_rows;

class CudaExpertsTest : public test::CudaTest {};

// One by one, and grouped by expert in tiles, from a row for each token or for each pick.
TEST_F(CudaExpertsTest, ExpertProductsAgreeWithTheReference) {
  constexpr std::int64_t kColumns = 256, kOutputs = 40, kExperts = 5;
  constexpr int kUsed = 2;
  for (const TensorType type :
       {TensorType::kF32, TensorType::kQ4_0, TensorType::kQ6_K, TensorType::kMXFP4}) {
    const PackedSource weights(*find_format(type), kColumns, kOutputs, kExperts);
    for (const std::int64_t rows : {1, 9, 50}) {
      std::vector<std::int32_t> experts(static_cast<std::size_t>(rows * kUsed));
      for (std::size_t i = 0; i < experts.size(); ++i) {
        experts[i] = static_cast<std::int32_t>((i * 7 + i / 3) % (kExperts - 1));  // one unused
      }
      for (const bool row_a_pick : {false, true}) {
        const auto run = [&](Backend& b) {
          auto matrix = b.upload(weights.source());
          const DeviceRows in = random_rows(b, row_a_pick ? rows * kUsed : rows, kColumns, 9);
          const DeviceRows scale = random_rows(b, 1, kExperts, 1);
          const DeviceRows bias = random_rows(b, kExperts, kOutputs, 2);
          const DeviceRows chosen(b, rows, kUsed, test::as_floats(experts));
          const DeviceRows gates = random_rows(b, rows, kUsed, 3);
          const DeviceRows out(b, rows * kUsed, kOutputs), sum = random_rows(b, rows, kOutputs, 4);
          const Routing routing{reinterpret_cast<std::int32_t*>(chosen.data()), gates.data(), rows,
                                kUsed};
          b.expert_matmul(in.view(), **matrix, scale.data(), bias.data(), routing, out.view());
          b.combine_experts(out.view(), routing, sum.view());
          return sum.values();
        };
        expect_agreement(run, 3e-7);
      }
    }
  }
}

// More picks than the warps that sort them read at once; of an expert that has half of them, and of
// one that has none.
TEST_F(CudaExpertsTest, ManyPicksAreSorted) {
  constexpr std::int64_t kRows = 1500, kColumns = 16, kOutputs = 4, kExperts = 70;
  constexpr int kUsed = 3;
  const PackedSource weights(*find_format("F32"), kColumns, kOutputs, kExperts);
  std::vector<std::int32_t> experts(static_cast<std::size_t>(kRows * kUsed));
  for (std::size_t i = 0; i < experts.size(); ++i) {
    experts[i] = i % 2 == 0 ? 5 : static_cast<std::int32_t>(i * 7 % (kExperts - 1));
  }
  expect_agreement(
      [&](Backend& b) {
        auto matrix = b.upload(weights.source());
        const DeviceRows in = random_rows(b, kRows, kColumns, 9);
        const DeviceRows chosen(b, kRows, kUsed, test::as_floats(experts));
        const DeviceRows gates(b, kRows, kUsed), out(b, kRows * kUsed, kOutputs);
        b.expert_matmul(
            in.view(), **matrix, nullptr, nullptr,
            {reinterpret_cast<std::int32_t*>(chosen.data()), gates.data(), kRows, kUsed},
            out.view());
        return out.values();
      },
      1e-9);
}

TEST_F(CudaExpertsTest, WeighsExpertsThatAreGiven) {
  constexpr std::int64_t kRows = 6, kExperts = 48;
  constexpr int kUsed = 5;
  std::vector<std::int32_t> experts;
  for (std::int64_t i = 0; i < kRows * kUsed; ++i) {
    experts.push_back(static_cast<std::int32_t>(i * 7 % kExperts));
  }
  RouteParams params{GateFunction::kSquareRootOfSoftplus, kUsed};
  params.normalise = true;
  params.given = true;
  const auto route = [&](Backend& b) {
    const DeviceRows logits = random_rows(b, kRows, kExperts, 5);
    const DeviceRows ids(b, kRows, kUsed, test::as_floats(experts)), weights(b, kRows, kUsed);
    b.route_experts(logits.view(), params,
                    {reinterpret_cast<std::int32_t*>(ids.data()), weights.data(), kRows, kUsed});
    return weights.values();
  };
  expect_agreement(route, 1e-12);
}

// Gate and up of few picks are one kernel; a product of the result follows.
TEST_F(CudaExpertsTest, GatedProductsAgreeWithTheReference) {
  constexpr std::int64_t kColumns = 256, kWidth = 64, kExperts = 5;
  constexpr int kUsed = 2;
  for (const TensorType type : {TensorType::kF16, TensorType::kQ8_0, TensorType::kQ4_0}) {
    const PackedSource gate(*find_format(type), kColumns, kWidth, kExperts);
    const PackedSource down(*find_format(type), kWidth, 24, kExperts);
    PackedSource up = gate;
    std::ranges::rotate(up.bytes, up.bytes.begin() + std::ssize(up.bytes) / 2);
    for (const std::int64_t rows : {1, 9, 33}) {
      std::vector<std::int32_t> experts(static_cast<std::size_t>(rows * kUsed));
      for (std::size_t i = 0; i < experts.size(); ++i) experts[i] = static_cast<int>(i * 7 % 5);
      expect_agreement(
          [&](Backend& b) {
            auto left = b.upload(gate.source()), right = b.upload(up.source());
            auto last = b.upload(down.source());
            const DeviceRows in = random_rows(b, rows, kColumns, 9);
            const DeviceRows scale = random_rows(b, 1, kExperts, 1);
            const DeviceRows bias = random_rows(b, kExperts, kWidth, 2);
            const DeviceRows chosen(b, rows, kUsed, test::as_floats(experts));
            const DeviceRows weights = random_rows(b, rows, kUsed, 3);
            const DeviceRows both(b, rows * kUsed, 2 * kWidth), out(b, rows * kUsed, 24);
            const View x = both.view().slice(kWidth, kWidth);
            const Routing routing{reinterpret_cast<std::int32_t*>(chosen.data()), weights.data(),
                                  rows, kUsed};
            b.gated_expert_matmul(in.view(),
                                  {left->get(), both.view().slice(0, kWidth), nullptr, bias.data()},
                                  {right->get(), x, scale.data()}, routing, Activation::kSilu);
            b.expert_matmul(x, **last, nullptr, nullptr, routing, out.view());
            return out.values();
          },
          1e-6);
    }
  }
}

TEST_F(CudaExpertsTest, ChoosesAsTheReferenceDoes) {
  constexpr std::int64_t kRows = 6, kExperts = 48;
  for (const GateFunction gate :
       {GateFunction::kSoftmax, GateFunction::kSigmoid, GateFunction::kSoftmaxAfterTopK,
        GateFunction::kSquareRootOfSoftplus}) {
    for (const int groups : {1, 8}) {
      for (const bool biased : {false, true}) {
        RouteParams params{gate, 5};
        params.groups = groups;
        params.used_groups = groups == 1 ? 1 : 3;
        params.normalise = biased;
        params.scale = 1.5f;
        const auto route = [&](Backend& b) {
          // Two equal logits in every row: the lower index wins.
          std::vector<float> values = test::random_floats(kRows * kExperts, 5);
          for (std::int64_t r = 0; r < kRows; ++r)
            values[r * kExperts + 7] = values[r * kExperts + 30] = 3.0f;
          const DeviceRows logits(b, kRows, kExperts, values),
              bias = random_rows(b, 1, kExperts, 6);
          const DeviceRows ids(b, kRows, 5), weights(b, kRows, 5);
          RouteParams own = params;
          if (biased) own.selection_bias = bias.data();
          const Routing routing{reinterpret_cast<std::int32_t*>(ids.data()), weights.data(), kRows,
                                5};
          b.route_experts(logits.view(), own, routing);
          b.group_experts(2, routing);
          std::vector<float> result;
          for (const float bits : ids.values()) {
            std::int32_t id;
            std::memcpy(&id, &bits, sizeof id);
            result.push_back(static_cast<float>(id));
          }
          const auto chosen = weights.values();
          result.insert(result.end(), chosen.begin(), chosen.end());
          return result;
        };
        const auto want = route(*reference_), got = route(*cuda_);
        ASSERT_EQ(got.size(), want.size());
        for (std::size_t i = 0; i < want.size(); ++i) {
          if (i < kRows * 5) {
            EXPECT_EQ(got[i], want[i]);
          } else {
            EXPECT_NEAR(got[i], want[i], 1e-6);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace linnet
