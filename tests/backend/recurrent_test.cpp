// The operations that keep a state: every backend close to the reference, the same bits in all
// instruction sets, and the same bits however the sequences are cut into batches.

#include <gtest/gtest.h>

#include <functional>

#include "backend/backend_pair.hpp"
#include "support/normalised_error.hpp"
#include "support/random_floats.hpp"
#include "support/scan_columns.hpp"

namespace linnet {
namespace {

using test::HostMatrix;
using test::random_floats;

constexpr StatePart kPart{1, 3};  // not the beginning of a slot

struct Recurrence {
  std::int64_t in_columns, out_columns, state_floats;
  std::function<void(Backend&, StateStore&, View in, const BatchLayout&, View out)> run;
};

// Rows of a batch: [first, first + count) of each of the two sequences.
struct Part {
  std::int64_t first, count;
};

constexpr std::int64_t kLengths[] = {13, 6};

// All rows of both sequences, evaluated in batches of `parts`.
std::vector<float> evaluate(Backend& backend, const Recurrence& recurrence,
                            const std::vector<std::vector<Part>>& batches) {
  const std::int64_t rows = kLengths[0] + kLengths[1];
  HostMatrix in(rows, recurrence.in_columns, random_floats(rows * recurrence.in_columns, 5, 0.5f));
  HostMatrix out(rows, recurrence.out_columns);
  auto store = backend.make_state_store({{7, 3 + recurrence.state_floats}, 3});
  if (!store) return ADD_FAILURE() << store.error().message, std::vector<float>{};
  const std::int32_t slots[] = {2, 0};
  for (const std::int32_t slot : slots) (*store)->clear_slot(slot);
  for (const std::vector<Part>& parts : batches) {
    std::vector<std::int32_t> sequences, gathered;
    for (std::int32_t s = 0; s < 2; ++s) {
      for (std::int64_t i = 0; i < parts[s].count; ++i) {
        sequences.push_back(s);
        gathered.push_back(static_cast<std::int32_t>(s * kLengths[0] + parts[s].first + i));
      }
    }
    const auto count = static_cast<std::int64_t>(gathered.size());
    HostMatrix batch_in(count, recurrence.in_columns), batch_out(count, recurrence.out_columns);
    backend.gather_rows(in.view(), gathered, batch_in.view());
    recurrence.run(backend, **store, batch_in.view(), {gathered, sequences, {}, {}, slots},
                   batch_out.view());
    for (std::int64_t r = 0; r < count; ++r) {
      std::copy_n(batch_out.view().row(r), recurrence.out_columns, out.view().row(gathered[r]));
    }
  }
  return out.values;
}

void check(const Recurrence& recurrence) {
  const std::vector<std::vector<Part>> whole = {{{0, 13}, {0, 6}}};
  const std::vector<std::vector<Part>> cut = {{{0, 1}, {0, 0}}, {{1, 7}, {0, 4}}, {{8, 5}, {4, 2}}};
  const auto want = evaluate(*make_reference_backend(), recurrence, whole);
  const auto scalar = evaluate(*make_cpu_backend(1, "scalar"), recurrence, whole);
  EXPECT_LT(test::normalised_error(scalar, want), 1e-11);
  EXPECT_LT(test::normalised_error(evaluate(*make_reference_backend(), recurrence, cut), want),
            1e-30);
  for (const std::string_view set : cpu_instruction_sets()) {
    EXPECT_EQ(evaluate(*make_cpu_backend(1, set), recurrence, whole), scalar) << set;
    EXPECT_EQ(evaluate(*make_cpu_backend(3, set), recurrence, cut), scalar) << set;
  }
}

TEST(RecurrentTest, Convolution) {
  for (const int kernel : {2, 4}) {
    for (const std::int64_t columns : {5, 48, 300}) {
      const auto weight = random_floats(kernel * columns, 1);
      const auto bias = random_floats(columns, 2);
      ConvolutionParams params{kPart, kernel, weight.data()};
      const Recurrence recurrence{
          columns, columns, (kernel - 1) * columns,
          [&](Backend& b, StateStore& store, View in, const BatchLayout& batch, View out) {
            b.convolve(store, in, params, batch, out);
          }};
      check(recurrence);
      params.bias = bias.data();
      params.activation = Activation::kSilu;
      check(recurrence);
    }
  }
}

// The rows that end a window have it, the others are zero.
Recurrence pooling(const PoolParams& params, std::int64_t width) {
  const std::int64_t columns = params.overlaps ? 2 * width : width;
  return {2 * columns, width, params.kept() * 2 * columns,
          [=](Backend& b, StateStore& store, View in, const BatchLayout& batch, View out) {
            std::vector<std::int64_t> ends;
            for (std::int64_t r = 0; r < in.rows; ++r) {
              if ((batch.positions[r] + 1) % params.ratio == 0) ends.push_back(r);
            }
            HostMatrix pooled(std::ssize(ends), width);
            b.pool_windows(store, in.slice(0, columns), in.slice(columns, columns), params, batch,
                           pooled.view());
            for (std::size_t i = 0; i < ends.size(); ++i) {
              std::copy_n(pooled.view().row(static_cast<std::int64_t>(i)), width, out.row(ends[i]));
            }
          }};
}

TEST(RecurrentTest, Windows) {
  for (const bool overlaps : {false, true}) {
    for (const std::int64_t width : {5, 100}) {
      const auto offsets = random_floats(4 * 2 * width, 8);
      check(pooling({kPart, 4, overlaps, offsets.data()}, width));
    }
  }
}

Recurrence scan_recurrence(ScanParams params, bool own_decays, const float* bonus,
                           const float* skip) {
  params.state = kPart;
  params.bonus = bonus;
  params.skip = skip;
  params.scale = 0.7f;
  const test::ScanColumns columns(params, own_decays);
  return {columns.count(), columns.values, columns.head_keys * params.value_width,
          [=](Backend& b, StateStore& store, View in, const BatchLayout& batch, View out) {
            b.scan(store, columns.input(b, in), params, batch, out);
          }};
}

TEST(RecurrentTest, Scans) {
  const auto bonus = random_floats(4 * 24, 3);
  const auto skip = random_floats(4, 4);
  for (const ScanRule rule :
       {ScanRule::kAdd, ScanRule::kBonus, ScanRule::kDelta, ScanRule::kReplace}) {
    for (const bool own_decays : {false, true}) {
      ScanParams params{rule};
      params.heads = params.key_heads = 3;
      params.key_width = 8;
      params.value_width = 16;
      check(scan_recurrence(params, own_decays, bonus.data(), nullptr));
      params.heads = 4;
      params.key_heads = 2;
      params.key_width = 24;
      params.value_width = 21;
      check(scan_recurrence(params, own_decays, bonus.data(), skip.data()));
      params.sharing = KeySharing::kCyclic;
      check(scan_recurrence(params, own_decays, bonus.data(), skip.data()));
    }
  }
}

TEST(RecurrentTest, AScanWithoutGainsHasGainsOfOne) {
  ScanParams params{ScanRule::kAdd, {}, 1, 1};
  params.key_width = params.value_width = 1;
  const auto backend = make_cpu_backend(1);
  auto store = backend->make_state_store({{1}, 1});
  ASSERT_TRUE(store);
  HostMatrix ones(3, 1, {1, 1, 1}), decay(3, 1, {0.5f, 0.5f, 0.5f}), out(3, 1);
  const std::int32_t sequences[] = {0, 0, 0}, slot[] = {0};
  backend->scan(**store, {ones.view(), ones.view(), ones.view(), decay.view(), {}, {}, {}}, params,
                {{}, sequences, {}, {}, slot}, out.view());
  EXPECT_EQ(out.values, (std::vector<float>{1.0f, 1.5f, 1.75f}));
}

TEST(RecurrentTest, SelectiveScan) {
  for (const std::int64_t channels : {16, 37}) {
    constexpr int kStates = 6;
    std::vector<float> rate = random_floats(kStates * channels, 6);
    for (float& value : rate) value = -std::abs(value);
    const auto skip = random_floats(channels, 7);
    const SelectiveScanParams params{kPart, kStates, rate.data(), skip.data()};
    check({2 * channels + 2 * kStates, channels, kStates * channels,
           [&](Backend& b, StateStore& store, View in, const BatchLayout& batch, View out) {
             b.selective_scan(
                 store,
                 {in.slice(0, channels), in.slice(channels, channels),
                  in.slice(2 * channels, kStates), in.slice(2 * channels + kStates, kStates)},
                 params, batch, out);
           }});
  }
}

TEST(RecurrentTest, CopiesAndClearsStates) {
  const auto backend = make_cpu_backend(1);
  auto store = backend->make_state_store({{4}, 3});
  ASSERT_TRUE(store);
  const float weight[] = {1, 1, 0, 0};  // out = the input of the token before
  HostMatrix first(1, 2, {3, 4}), second(1, 2, {5, 6}), out(1, 2);
  const std::int32_t sequence[] = {0};
  const auto step = [&](HostMatrix& in, std::int32_t slot) {
    const ConvolutionParams params{{0, 0}, 2, weight};
    backend->convolve(**store, in.view(), params, {{}, sequence, {}, {}, {&slot, 1}}, out.view());
    return out.values;
  };
  step(first, 0);
  (*store)->copy_slot(0, 2);
  EXPECT_EQ(step(second, 0), first.values);
  EXPECT_EQ(step(second, 0), second.values);
  EXPECT_EQ(step(second, 2), first.values);
  (*store)->clear_slot(2);
  EXPECT_EQ(step(second, 2), (std::vector<float>{0, 0}));
}

// Applies `op` to random matrices in every backend: close to the reference, the same bits in all
// sets.
void compare(const std::function<void(Backend&, View x, View out)>& op) {
  const auto run = [&](Backend& backend) {
    HostMatrix x(5, 77, random_floats(5 * 77, 21, 2.0f)), out(5, 77);
    op(backend, x.view(), out.view());
    out.values.insert(out.values.end(), x.values.begin(), x.values.end());
    return out.values;
  };
  const auto want = run(*make_reference_backend());
  const auto scalar = run(*make_cpu_backend(1, "scalar"));
  EXPECT_LT(test::normalised_error(scalar, want), 1e-12);
  for (const std::string_view set : cpu_instruction_sets()) {
    EXPECT_EQ(run(*make_cpu_backend(2, set)), scalar) << set;
  }
}

TEST(RecurrentTest, Decays) {
  const auto bias = random_floats(77, 8), rate = random_floats(77, 9);
  for (const DecayKind kind :
       {DecayKind::kSoftplus, DecayKind::kExponential, DecayKind::kSigmoid}) {
    for (const float* b : {static_cast<const float*>(nullptr), bias.data()}) {
      const DecayParams params{kind, b, rate.data()};
      compare([&](Backend& backend, View x, View out) { backend.decay(x, params, out); });
    }
  }
}

TEST(RecurrentTest, MixesWithWhatCameBefore) {
  const auto weight = random_floats(77, 10);
  HostMatrix shift(5, 77, random_floats(5 * 77, 11)), share(5, 77, random_floats(5 * 77, 12));
  compare([&](Backend& b, View x, View out) {
    b.mix_shifted(x, shift.view(), weight.data(), {}, out);
  });
  compare([&](Backend& b, View x, View out) {
    b.mix_shifted(x, shift.view(), nullptr, share.view(), out);
  });
  compare([&](Backend& b, View x, View out) {
    b.mix_shifted(x, shift.view(), weight.data(), share.view(), out);
  });
}

TEST(RecurrentTest, DotProductsOfHeads) {
  const auto weight = random_floats(77, 13);
  HostMatrix other(5, 77, random_floats(5 * 77, 14));
  compare([&](Backend& b, View x, View out) {
    b.dot_heads(x, other.view(), weight.data(), out.slice(0, 7));
  });
}

TEST(RecurrentTest, UnitNorm) {
  NormParams params{NormKind::kL2, 1e-6f};
  params.group = 11;
  compare([&](Backend& b, View x, View out) { b.norm(x, params, out); });
}

TEST(RecurrentTest, AStateTooLargeForTheMachineIsAnError) {
  const StateShape shape{{std::int64_t{1} << 60, std::int64_t{1} << 60}, 1 << 20};
  EXPECT_FALSE(make_cpu_backend(1)->make_state_store(shape));
}

}  // namespace
}  // namespace linnet
