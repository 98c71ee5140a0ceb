#include <gtest/gtest.h>

#include "backend/backend_pair.hpp"
#include "support/normalised_error.hpp"
#include "support/random_floats.hpp"

namespace linnet {
namespace {

using test::HostMatrix;
using test::random_floats;

// Applies `op` to a random matrix in every backend: close to the reference, the same bits in all
// sets.
template <class Op>
void compare(Op&& op, double largest_error, float deviation = 1.0f) {
  const auto run = [&](Backend& backend) {
    HostMatrix x(5, 77, random_floats(5 * 77, 21, deviation));
    op(backend, x.view());
    return x.values;
  };
  const auto want = run(*make_reference_backend());
  const auto scalar = run(*make_cpu_backend(1, "scalar"));
  EXPECT_LT(test::normalised_error(scalar, want), largest_error);
  for (const std::string_view set : cpu_instruction_sets()) {
    EXPECT_EQ(run(*make_cpu_backend(2, set)), scalar) << set;
  }
}

TEST(ElementwiseTest, Activations) {
  for (const Activation activation :
       {Activation::kSilu, Activation::kGelu, Activation::kGeluQuick, Activation::kGeluErf,
        Activation::kRelu, Activation::kReluSquared, Activation::kSigmoid, Activation::kTanh,
        Activation::kSoftplus, Activation::kIdentity, Activation::kElu,
        Activation::kClampedSwiglu}) {
    for (const float deviation : {0.01f, 1.0f, 30.0f}) {
      compare([&](Backend& b, View x) { b.gated_activation(x, View{}, activation, x); }, 1e-12,
              deviation);
      compare([&](Backend& b, View x) { b.gated_activation(x, x, activation, x); }, 1e-12,
              deviation);
    }
  }
}

// A value next to the middle of two halves may go either way, so this one is compared less closely.
TEST(ElementwiseTest, GeluOfHalves) {
  compare([](Backend& b, View x) { b.gated_activation(x, View{}, Activation::kGeluOfHalves, x); },
          1e-7, 3.0f);
}

TEST(ElementwiseTest, Norms) {
  const auto weight = random_floats(77, 1);
  const auto bias = random_floats(77, 2);
  for (const NormKind kind : {NormKind::kRms, NormKind::kLayer}) {
    NormParams params{kind, 1e-5f, weight.data(), bias.data()};
    compare([&](Backend& b, View x) { b.norm(x, params, x); }, 1e-12);
    params.group = 11;
    compare([&](Backend& b, View x) { b.norm(x, params, x); }, 1e-12);
    params.weight_per_column = true;
    compare([&](Backend& b, View x) { b.norm(x, params, x); }, 1e-12);
  }
}

TEST(ElementwiseTest, Rope) {
  const std::vector<std::int32_t> positions = {0, 1, 17, 500, 100000};
  const std::vector<float> frequencies = {1.0f, 0.3f, 0.01f};
  for (const RopeLayout layout :
       {RopeLayout::kNone, RopeLayout::kAdjacent, RopeLayout::kSplitHalf}) {
    const RopeParams params{layout, 7, 11, 2, 6, frequencies, 1.25f};
    compare([&](Backend& b, View x) { b.rope(x, positions, params); }, 1e-12);
  }
}

TEST(ElementwiseTest, Rest) {
  compare([](Backend& b, View x) { b.softcap(x, 2.5f); }, 1e-12, 5.0f);
  compare([](Backend& b, View x) { b.scale(x, 0.3f); }, 1e-12);
  compare([](Backend& b, View x) { b.add_scaled(x, 0.3f, 0.5f, x); }, 1e-12);
  compare([](Backend& b, View x) { b.clamp(x, -0.7f, 0.4f); }, 1e-12);
  auto factors = random_floats(5, 3);
  compare([&](Backend& b, View x) { b.scale_rows(x, factors.data()); }, 1e-12);
  compare([](Backend& b, View x) { b.copy(x.slice(0, 20), x.slice(50, 20)); }, 1e-12);
  HostMatrix gate(5, 11, random_floats(55, 4));
  compare([&](Backend& b, View x) { b.multiply_gate(gate.view(), Activation::kSigmoid, x); },
          1e-12);
}

TEST(ElementwiseTest, StreamsAreReadAndMixedAsTheReferenceDoes) {
  constexpr int kStreams = 4, kRows = 5;
  constexpr std::int64_t kWidth = 77;
  HostMatrix mixes(kRows, kStreams * (kStreams + 2), random_floats(kRows * 24, 3));
  const auto scale = random_floats(3, 4), base = random_floats(24, 5);
  const StreamParams params{kStreams, 1e-6f, 20, scale.data(), base.data()};
  const auto mix = [&](Backend& b) {
    HostMatrix read(kRows, kStreams), write(kRows, kStreams * (kStreams + 1));
    HostMatrix streams(kRows, (kStreams + 1) * kWidth, random_floats(kRows * 5 * kWidth, 6));
    HostMatrix x(kRows, kWidth);
    b.stream_weights(mixes.view(), params, read.view(), write.view());
    b.mix_streams(streams.view().slice(0, kStreams * kWidth), read.view(), kWidth, x.view());
    b.mix_streams(streams.view(), write.view(), kWidth, streams.view().slice(0, kStreams * kWidth));
    std::vector<float> all = read.values;
    for (const auto& more : {write.values, x.values, streams.values}) {
      all.insert(all.end(), more.begin(), more.end());
    }
    return all;
  };
  const auto want = mix(*make_reference_backend());
  EXPECT_LT(test::normalised_error(mix(*make_cpu_backend(2)), want), 1e-12);
}

// What streams keep of each other sums to one from each and to each.
TEST(ElementwiseTest, StreamsAreMixedDoublyStochastically) {
  constexpr int kStreams = 4;
  HostMatrix mixes(1, kStreams * (kStreams + 2), random_floats(24, 7));
  const std::vector<float> scale(3, 1.0f), base(24, 0.0f);
  HostMatrix read(1, kStreams), write(1, kStreams * (kStreams + 1));
  make_cpu_backend(1)->stream_weights(
      mixes.view(), {kStreams, 1e-6f, 50, scale.data(), base.data()}, read.view(), write.view());
  for (int i = 0; i < kStreams; ++i) {
    double to = 0.0, from = 0.0;
    for (int other = 0; other < kStreams; ++other) {
      to += write.values[i * (kStreams + 1) + other];
      from += write.values[other * (kStreams + 1) + i];
    }
    EXPECT_NEAR(to, 1.0, 1e-4);
    EXPECT_NEAR(from, 1.0, 1e-4);
  }
}

}  // namespace
}  // namespace linnet
