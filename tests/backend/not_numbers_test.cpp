// What is no number stays none, on every instruction set: else a model whose values overflow would
// go on with numbers that mean nothing, and nobody would be told.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "backend/backend_pair.hpp"
#include "backend/instruction_sets.hpp"
#include "backend/kv_pages.hpp"
#include "support/random_floats.hpp"

namespace linnet {
namespace {

using test::HostMatrix;
using test::random_floats;

constexpr float kNotANumber = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Which values are no numbers.
std::vector<bool> none(const std::vector<float>& values) {
  std::vector<bool> result;
  for (const float value : values) result.push_back(std::isnan(value));
  return result;
}

// run(backend) gives what is no number where the reference does, in every instruction set.
template <class Run>
void compare(const Run& run, const std::string& what) {
  const std::vector<bool> want = none(run(*make_reference_backend()));
  EXPECT_NE(want, std::vector<bool>(want.size(), false)) << what << ": all are numbers";
  for (const std::string_view set : test::instruction_sets()) {
    EXPECT_EQ(none(run(*test::make_backend(2, set))), want) << what << ", " << set;
  }
}

// Rows of 77 columns, of which the first has none but numbers, and each other one a value that is
// none, in all parts of a vector.
HostMatrix damaged_rows() {
  constexpr int kRows = 30, kColumns = 77;
  HostMatrix x(kRows, kColumns, random_floats(kRows * kColumns, 1));
  for (int r = 1; r < kRows; ++r) x.view().row(r)[r * 37 % kColumns] = kNotANumber;
  return x;
}

TEST(NotNumbers, InActivations) {
  for (int i = 0; i <= static_cast<int>(Activation::kClampedSwiglu); ++i) {
    const auto activation = static_cast<Activation>(i);
    const auto gate = [&](Backend& backend) {
      HostMatrix x = damaged_rows();
      backend.gated_activation(x.view(), View{}, activation, x.view());
      return x.values;
    };
    const auto up = [&](Backend& backend) {
      HostMatrix x = damaged_rows();
      HostMatrix ones(x.rows, x.columns, std::vector<float>(x.values.size(), 1.0f));
      backend.gated_activation(ones.view(), x.view(), activation, x.view());
      return x.values;
    };
    compare(gate, "gate of activation " + std::to_string(i));
    compare(up, "what is gated by activation " + std::to_string(i));
  }
}

TEST(NotNumbers, InOtherRows) {
  const auto with = [](const auto& op) {
    return [&op](Backend& backend) {
      HostMatrix x = damaged_rows();
      op(backend, x.view());
      return x.values;
    };
  };
  const std::vector<float> ones(77, 1.0f);
  compare(with([](Backend& b, View x) { b.softcap(x, 30.0f); }), "softcap");
  compare(with([](Backend& b, View x) { b.clamp(x, -1.0f, 1.0f); }), "clamp");
  compare(with([](Backend& b, View x) { b.cut_below(x, 0.5f); }), "cut_below");
  for (const NormKind kind : {NormKind::kRms, NormKind::kLayer}) {
    compare(with([&](Backend& b, View x) { b.norm(x, {kind}, x); }), "norm");
  }
  for (const DecayKind kind :
       {DecayKind::kSoftplus, DecayKind::kExponential, DecayKind::kSigmoid}) {
    compare(with([&](Backend& b, View x) {
              HostMatrix out(x.rows, x.columns);
              b.decay(x, {kind, nullptr, ones.data()}, out.view());
              b.copy(out.view(), x);
            }),
            "decay");
  }
}

TEST(NotNumbers, InWhatIsMultiplied) {
  constexpr std::int64_t kRows = 20, kColumns = 288, kOutputs = 19;
  for (const char* name : {"F32", "F16", "BF16", "Q4_0", "Q4_1", "Q8_0", "IQ4_NL"}) {
    const Format& format = *find_format(name);
    std::vector<std::byte> bytes(static_cast<std::size_t>(format.size_bytes(kColumns * kOutputs)));
    format.quantize(random_floats(kColumns * kOutputs, 2).data(), bytes.data(),
                    kColumns * kOutputs);
    for (const float bad : {kNotANumber, kInfinity}) {
      HostMatrix in(kRows, kColumns, random_floats(kRows * kColumns, 3));
      for (int r = 1; r < kRows; ++r) in.view().row(r)[r * 151 % kColumns] = bad;
      const auto run = [&](Backend& backend) {
        const auto matrix = backend.upload({&format, bytes.data(), kColumns, kOutputs});
        EXPECT_TRUE(matrix);
        HostMatrix out(kRows, kOutputs);
        const MatmulOutput output{matrix->get(), out.view()};
        backend.matmul(in.view(), {&output, 1});
        for (float& x : out.values) x -= x;  // what is infinite is no number then
        return out.values;
      };
      compare(run, std::string(name) + (bad == bad ? ", infinite" : ""));
    }
  }
}

enum class Place { kQuery, kKey, kInfiniteKey, kValue };

// Attention of one sequence with one number that is none.
std::vector<float> attend(Backend& backend, KvType type, Place place, AttentionSpan span) {
  constexpr int kTokens = 100, kHeads = 2, kKvHeads = 1, kWidth = 40, kBadToken = 40;
  const auto matrix = [](int heads, int seed) {
    return HostMatrix(kTokens, heads * kWidth, random_floats(kTokens * heads * kWidth, seed));
  };
  HostMatrix queries = matrix(kHeads, 1), keys = matrix(kKvHeads, 2), values = matrix(kKvHeads, 3);
  HostMatrix out = matrix(kHeads, 4);
  if (place == Place::kQuery) queries.view().row(kBadToken)[3] = kNotANumber;
  if (place == Place::kKey) keys.view().row(kBadToken)[3] = kNotANumber;
  if (place == Place::kInfiniteKey) keys.view().row(kBadToken)[3] = kInfinity;
  if (place == Place::kValue) values.view().row(kBadToken)[3] = kNotANumber;
  AttentionParams params{0, kHeads, kKvHeads, kWidth, kWidth};
  params.span = span;
  params.window = 20;
  const std::int64_t pages = pages_for(kTokens);
  const auto store = backend.make_kv_store({{{kKvHeads, kWidth, kWidth}}, type, pages});
  EXPECT_TRUE(store);
  std::vector<std::int32_t> positions(kTokens), sequences(kTokens, 0), table(pages);
  std::iota(positions.begin(), positions.end(), 0);
  std::iota(table.begin(), table.end(), 0);
  const std::span<const std::int32_t> tables[] = {table};
  const std::int32_t length = kTokens;
  const BatchLayout batch{positions, sequences, tables, {&length, 1}};
  backend.store_kv(**store, 0, keys.view(), values.view(), batch);
  backend.attention(**store, queries.view(), params, batch, out.view());
  return out.values;
}

TEST(NotNumbers, InAttention) {
  for (const KvType type :
       {KvType::kF32, KvType::kF16, KvType::kBf16, KvType::kQ8_0, KvType::kQ4_0}) {
    for (const Place place : {Place::kQuery, Place::kKey, Place::kInfiniteKey, Place::kValue}) {
      for (const AttentionSpan span : {AttentionSpan::kFull, AttentionSpan::kSliding}) {
        // Q8_0 has one scale for 32 columns, of all of which none is a number then.
        if (type == KvType::kQ8_0 && place == Place::kValue) continue;
        compare(
            [&](Backend& backend) { return attend(backend, type, place, span); },
            std::string(info_of(type).name) + ", place " + std::to_string(static_cast<int>(place)));
      }
    }
  }
}

}  // namespace
}  // namespace linnet
