#include "cuda/cuda_rows.hpp"

namespace linnet {
namespace {

using test::DeviceRows;
using test::random_rows;

class CudaRowsTest : public test::CudaTest {
 protected:
  // Applies `op` to a random matrix.
  template <class Op>
  void compare(Op&& op, double largest_error = 1e-11, float deviation = 1.0f) {
    expect_agreement(
        [&](Backend& b) {
          const DeviceRows x = random_rows(b, 5, 77, 21, deviation);
          op(b, x.view());
          return x.values();
        },
        largest_error);
  }
};

TEST_F(CudaRowsTest, Activations) {
  for (const Activation activation :
       {Activation::kSilu, Activation::kGelu, Activation::kGeluQuick, Activation::kGeluErf,
        Activation::kRelu, Activation::kReluSquared, Activation::kSigmoid, Activation::kTanh,
        Activation::kSoftplus, Activation::kIdentity, Activation::kElu,
        Activation::kClampedSwiglu}) {
    for (const float deviation : {0.01f, 1.0f, 30.0f}) {
      compare([&](Backend& b, View x) { b.gated_activation(x, View{}, activation, x); }, 1e-11,
              deviation);
      compare([&](Backend& b, View x) { b.gated_activation(x, x, activation, x); }, 1e-11,
              deviation);
    }
  }
  compare([&](Backend& b, View x) {
    b.gated_activation(x, View{}, Activation::kReluSquared, x);
    b.gated_activation(x, View{}, Activation::kSquareRoot, x);
  });
  compare([](Backend& b, View x) { b.gated_activation(x, View{}, Activation::kGeluOfHalves, x); },
          1e-7, 3.0f);
  compare([](Backend& b, View x) { b.gated_activation(x, View{}, Activation::kGeluOfHalves, x); },
          1e-9, 30.0f);  // most of them beyond the table
}

TEST_F(CudaRowsTest, Norms) {
  for (const NormKind kind : {NormKind::kRms, NormKind::kLayer, NormKind::kL2}) {
    for (const std::int64_t group : {0, 11}) {
      for (const bool per_column : {false, true}) {
        compare([&](Backend& b, View x) {
          const DeviceRows weight = random_rows(b, 1, 77, 1), bias = random_rows(b, 1, 77, 2);
          NormParams params{kind, 1e-5f, weight.data(), bias.data(), group, per_column};
          b.norm(x, params, x);
        });
      }
    }
  }
}

TEST_F(CudaRowsTest, WideNorms) {
  expect_agreement(
      [](Backend& b) {
        const DeviceRows x = random_rows(b, 2, 3000, 5), out(b, 2, 3000);
        b.norm(x.view(), {NormKind::kLayer, 1e-5f}, out.view());
        return out.values();
      },
      1e-11);
}

TEST_F(CudaRowsTest, Rope) {
  const std::vector<std::int32_t> positions = {0, 1, 17, 500, 100000};
  const std::vector<float> frequencies = {1.0f, 0.3f, 0.01f};
  for (const RopeLayout layout :
       {RopeLayout::kNone, RopeLayout::kAdjacent, RopeLayout::kSplitHalf}) {
    const RopeParams params{layout, 7, 11, 2, 6, frequencies, 1.25f};
    compare([&](Backend& b, View x) { b.rope(x, positions, params); });
  }
}

TEST_F(CudaRowsTest, Rest) {
  compare([](Backend& b, View x) { b.softcap(x, 2.5f); }, 1e-11, 5.0f);
  compare([](Backend& b, View x) { b.scale(x, 0.3f); });
  compare([](Backend& b, View x) { b.add_scaled(x, 0.3f, 0.5f, x); });
  compare([](Backend& b, View x) { b.clamp(x, -0.7f, 0.4f); });
  compare([](Backend& b, View x) { b.fill(x.slice(3, 9), 1.5f); });
  compare([](Backend& b, View x) { b.cut_below(x, 0.3f); });
  compare([](Backend& b, View x) {
    const DeviceRows factors = random_rows(b, 1, 5, 3);
    b.scale_rows(x, factors.data());
  });
  compare([](Backend& b, View x) { b.copy(x.slice(0, 20), x.slice(50, 20)); });
  compare([](Backend& b, View x) {
    const DeviceRows gate = random_rows(b, 5, 11, 4);
    b.multiply_gate(gate.view(), Activation::kSigmoid, x);
  });
  compare([](Backend& b, View x) {  // one row for all
    const DeviceRows row = random_rows(b, 1, 77, 4);
    b.gated_activation(x, View{row.data(), 5, 77, 0}, Activation::kIdentity, x);
  });
}

TEST_F(CudaRowsTest, DecaysAndMixes) {
  for (const DecayKind kind :
       {DecayKind::kSoftplus, DecayKind::kExponential, DecayKind::kSigmoid}) {
    for (const bool with_bias : {false, true}) {
      compare([&](Backend& b, View x) {
        const DeviceRows bias = random_rows(b, 1, 77, 8), rate = random_rows(b, 1, 77, 9);
        const DeviceRows out(b, 5, 77);
        b.decay(x, {kind, with_bias ? bias.data() : nullptr, rate.data()}, out.view());
        b.add_scaled(out.view(), 1.0f, 1.0f, x);
      });
    }
  }
  compare([](Backend& b, View x) {
    const DeviceRows weight = random_rows(b, 1, 77, 10), shift = random_rows(b, 5, 77, 11),
                     share = random_rows(b, 5, 77, 12);
    b.mix_shifted(x, shift.view(), weight.data(), {}, x);
    b.mix_shifted(x, shift.view(), nullptr, share.view(), x);
    b.mix_shifted(x, shift.view(), weight.data(), share.view(), x);
  });
  compare([](Backend& b, View x) {
    const DeviceRows weight = random_rows(b, 1, 77, 13), other = random_rows(b, 5, 77, 14);
    const DeviceRows out(b, 5, 7);
    b.dot_heads(x, other.view(), weight.data(), out.view());
    b.copy(out.view(), x.slice(0, 7));
  });
}

}  // namespace
}  // namespace linnet
