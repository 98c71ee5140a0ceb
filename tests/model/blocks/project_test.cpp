#include "model/blocks/project.hpp"

#include <gtest/gtest.h>

#include "model/blocks/block_case.hpp"

namespace linnet {
namespace {

using test::Row;
using test::Rows;

constexpr std::int64_t kWidth = 6, kRows = 16;

class ProjectTest : public testing::Test {
 protected:
  ProjectTest() { case_.file.tensor("up.weight", {kWidth, kWidth}); }

  Linear load(const std::string& stem = "up") {
    return case_.load([&](WeightLoader& loader) {
      loader.load_part();
      return loader.linear(stem, kWidth, kWidth);
    });
  }
  void run(const Linear& up, bool accumulate = false, std::int64_t columns = 0) {
    case_.run(columns,
              [&](const Pass& pass, View in, View out) { project(pass, up, in, out, accumulate); });
  }
  Rows product(const Rows& in) { return test::product(in, case_.matrix("up.weight")); }

  test::BlockCase case_{kWidth, kRows};
};

TEST_F(ProjectTest, ScaleIsOfTheProductAndBiasIsAdded) {
  case_.file.tensor("up.bias", {kWidth}).tensor("up.scale", {1}, {0.25f});
  run(load());
  test::expect_near(case_.out,
                    0.25 * product(case_.input()) + Rows(kRows, case_.vector("up.bias")));
}

TEST_F(ProjectTest, AccumulatesWhatIsThere) {
  case_.out = test::random_floats(kRows * kWidth, 5);
  const Rows before = case_.output();
  run(load(), /*accumulate=*/true);
  test::expect_near(case_.out, before + product(case_.input()));
}

// https://arxiv.org/abs/2106.09685: W x + B A x, where each adapter has a strength of each row. The
// factor is on both.
TEST_F(ProjectTest, AdaptersAreAddedAsStronglyAsEachRowSays) {
  // Of five adapters, three change this projection: two of one rank side by side, one of another.
  const std::vector<LowRank::Part> parts = {{0, 0, 2}, {1, 2, 2}, {3, 4, 2}, {4, 6, 1}};
  constexpr std::int64_t kRank = 7, kAdapters = 5;
  case_.file.tensor("up.scale", {1}, {0.25f});
  const std::vector<float> low = test::random_floats(kRank * kWidth, 8);
  const std::vector<float> high = test::random_floats(kWidth * kRank, 9);
  const std::vector<float> strengths = test::random_floats(kRows * kAdapters, 10);
  Linear up = load();
  up.adapter = {case_.upload(low, kWidth), case_.upload(high, kRank), parts};
  case_.run(kRank + kAdapters, [&](Pass pass, View in, View out) {
    pass.adapter_strengths = pass.workspace.view(kRows, kAdapters);
    pass.backend.upload(std::span(strengths), pass.adapter_strengths.data);
    project(pass, up, in, out);
  });
  Rows between = test::product(case_.input(), test::rows_of(low, kWidth));
  for (const LowRank::Part& part : parts) {
    for (std::size_t r = 0; r < kRows; ++r) {
      for (std::int64_t i = 0; i < part.rank; ++i) {
        between[r][part.first + i] *= strengths[r * kAdapters + part.adapter];
      }
    }
  }
  const Rows added = test::product(between, test::rows_of(high, kRank));
  test::expect_near(case_.out, 0.25 * (product(case_.input()) + added));
}

TEST_F(ProjectTest, AdaptersAreOffWhereNothingSaysHowStrong) {
  Linear up = load();
  up.adapter = {case_.upload(test::random_floats(2 * kWidth, 8), kWidth),
                case_.upload(test::random_floats(kWidth * 2, 9), 2),
                {{0, 0, 2}}};
  run(up);
  test::expect_near(case_.out, product(case_.input()));
}

TEST_F(ProjectTest, BoundsAreOfWhatGoesInAndOut) {
  case_.file.tensor("up.input_min", {1}, {-0.5f})
      .tensor("up.input_max", {1}, {0.75f})
      .tensor("up.output_min", {1}, {-1.0f})
      .tensor("up.output_max", {1}, {1.5f});
  const auto clipped = [&] {
    const Rows in = test::each(case_.input(), [](double x) { return std::clamp(x, -0.5, 0.75); });
    return test::each(product(in), [](double x) { return std::clamp(x, -1.0, 1.5); });
  };
  const Linear up = load();
  run(up, /*accumulate=*/false, 2 * kWidth);
  test::expect_near(case_.out, clipped());
  const Rows before = case_.output();
  run(up, /*accumulate=*/true, 2 * kWidth);
  test::expect_near(case_.out, before + clipped());
}

TEST_F(ProjectTest, SeveralOfOneInput) {
  case_.file.tensor("gate.weight", {kWidth, kWidth});
  const Linear up = load(), gate = load("gate");
  std::vector<float> ups(kRows * kWidth);
  case_.run(kWidth, [&](const Pass& pass, View in, View out) {
    const View other = pass.workspace.view(in.rows, kWidth);
    project(pass, in, {{up, other}, {gate, out}});
    pass.backend.download(other, ups.data());
  });
  test::expect_near(ups, product(case_.input()));
  test::expect_near(case_.out, test::product(case_.input(), case_.matrix("gate.weight")));
}

TEST_F(ProjectTest, GatedIsTheActivationOfOneTimesTheOther) {
  case_.file.tensor("gate.weight", {kWidth, kWidth}).tensor("gate.output_max", {1}, {0.5f});
  const Linear up = load();
  for (const bool is_clipped : {false, true}) {  // in one operation or in several
    Linear gate = load("gate");
    if (!is_clipped) gate.clip.reset();
    case_.run(3 * kWidth, [&](const Pass& pass, View in, View out) {
      const View gates = pass.workspace.view(in.rows, kWidth);
      project_gated(pass, in, {gate, gates}, {up, out}, Activation::kSilu);
    });
    const Rows gates = test::product(case_.input(), case_.matrix("gate.weight"));
    const auto formula = [&](double g, double u) {
      return test::silu(is_clipped ? std::min(g, 0.5) : g) * u;
    };
    test::expect_near(case_.out, test::each(gates, product(case_.input()), formula));
  }
}

}  // namespace
}  // namespace linnet
