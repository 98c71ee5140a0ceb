// What stands between the first and the last projection of a feed-forward part.

#include "model/blocks/gate.hpp"

#include <gtest/gtest.h>

#include "model/blocks/block_case.hpp"

namespace linnet {
namespace {

using test::Row;
using test::Rows;
using test::sigmoid;
using test::silu;

constexpr std::int64_t kColumns = 9, kRows = 16;

// The rows that the block gives are activate_gate() of its rows, times 3, and `up`.
class GateTest : public testing::Test {
 protected:
  void expect(const GateSpec& spec, double (*formula)(double gate, double up)) {
    const std::vector<float> up = test::random_floats(kColumns * kRows, 77, 3.0f);
    case_.run(2 * kColumns, [&](const Pass& pass, View in, View out) {
      const View gates = pass.workspace.view(in.rows, in.columns);
      const View ups = pass.workspace.view(in.rows, in.columns);
      pass.backend.copy(in, gates);
      pass.backend.scale(gates, 3.0f);
      pass.backend.upload(up, ups.data);
      activate_gate(pass, spec, gates, ups, out);
    });
    test::expect_near(case_.out,
                      test::each(3.0 * case_.input(), test::rows_of(up, kColumns), formula));
  }
  void expect_without_gate(const GateSpec& spec, double (*formula)(double x)) {
    case_.run(kColumns, [&](const Pass& pass, View in, View out) {
      pass.backend.copy(in, out);
      pass.backend.scale(out, 3.0f);
      activate(pass, spec, out, pass.workspace.view(in.rows, in.columns));
    });
    test::expect_near(case_.out, test::each(3.0 * case_.input(), formula));
  }

  test::BlockCase case_{kColumns, kRows};
};

// SwiGLU, https://arxiv.org/abs/2002.05202.
TEST_F(GateTest, TheActivatedGateTimesUp) {
  expect({}, [](double gate, double up) { return silu(gate) * up; });
}

// Step 3.5.
TEST_F(GateTest, ClampedBehindTheActivation) {
  GateSpec spec;
  spec.clamp = 1.5f;
  EXPECT_FALSE(is_plain(spec));
  expect(spec, [](double gate, double up) {
    return std::clamp(silu(gate), -1.5, 1.5) * std::clamp(up, -1.5, 1.5);
  });
}

// DeepSeek-V4.
TEST_F(GateTest, ClampedBeforeTheActivation) {
  GateSpec spec;
  spec.clamp = 1.5f;
  spec.clamps_before = true;
  expect(spec, [](double gate, double up) {
    return silu(std::min(gate, 1.5)) * std::clamp(up, -1.5, 1.5);
  });
}

// Kimi K3.
TEST_F(GateTest, Situ) {
  GateSpec spec;
  spec.situ = Situ{.cap = 2.0f};
  EXPECT_FALSE(is_plain(spec));
  expect(spec,
         [](double gate, double up) { return sigmoid(gate) * 2.0 * std::tanh(gate / 2.0) * up; });
}

TEST_F(GateTest, SituWithACapOnUp) {
  GateSpec spec;
  spec.situ = Situ{.cap = 2.0f, .up_cap = 3.0f};
  expect(spec, [](double gate, double up) {
    return sigmoid(gate) * 2.0 * std::tanh(gate / 2.0) * 3.0 * std::tanh(up / 3.0);
  });
}

TEST_F(GateTest, WithoutAGateTheActivationAlone) {
  GateSpec spec;
  spec.activation = Activation::kReluSquared;
  expect_without_gate(spec, [](double x) { return std::max(x, 0.0) * std::max(x, 0.0); });
}

// https://arxiv.org/abs/2411.13010, formula 9, with the factors as Xielu names them.
TEST_F(GateTest, Xielu) {
  GateSpec spec;
  spec.xielu = Xielu{.positive = 0.75f, .negative = 0.25f, .linear = 0.5f};
  expect_without_gate(spec, [](double x) {
    return x > 0.0 ? 0.75 * x * x + 0.5 * x : 0.25 * (std::exp(x) - 1.0 - x) + 0.5 * x;
  });
}

}  // namespace
}  // namespace linnet
