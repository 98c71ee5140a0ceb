#include "cuda/cuda_rows.hpp"
#include "support/scan_columns.hpp"

namespace linnet {
namespace {

using test::DeviceRows;
using test::random_floats;
using test::random_rows;

constexpr StatePart kPart{1, 3};  // not the beginning of a slot
constexpr std::int64_t kLengths[] = {73, 6};

struct Recurrence {
  std::int64_t in_columns, out_columns, state_floats;
  std::function<void(Backend&, StateStore&, View in, const BatchLayout&, View out)> run;
};

// Rows of a batch: [first, first + count) of each of the two sequences.
struct Part {
  std::int64_t first, count;
};

class CudaRecurrentTest : public test::CudaTest {
 protected:
  static std::vector<float> evaluate(Backend& backend, const Recurrence& recurrence,
                                     const std::vector<std::vector<Part>>& batches) {
    const std::int64_t rows = kLengths[0] + kLengths[1];
    const DeviceRows in = random_rows(backend, rows, recurrence.in_columns, 5, 0.5f);
    std::vector<float> all(static_cast<std::size_t>(rows * recurrence.out_columns));
    auto store = backend.make_state_store({{7, 3 + recurrence.state_floats}, 4});
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
      const DeviceRows batch_in(backend, count, recurrence.in_columns);
      const DeviceRows batch_out(backend, count, recurrence.out_columns);
      backend.gather_rows(in.view(), gathered, batch_in.view());
      recurrence.run(backend, **store, batch_in.view(), {gathered, sequences, {}, {}, slots},
                     batch_out.view());
      const std::vector<float> out = batch_out.values();
      for (std::int64_t r = 0; r < count; ++r) {
        std::copy_n(out.begin() + r * recurrence.out_columns, recurrence.out_columns,
                    all.begin() + gathered[r] * recurrence.out_columns);
      }
      // Through another slot and back: the state is all that is kept.
      (*store)->copy_slot(2, 3);
      (*store)->clear_slot(2);
      (*store)->copy_slot(3, 2);
    }
    return all;
  }

  void check(const Recurrence& recurrence) {
    const std::vector<std::vector<Part>> whole = {{{0, 73}, {0, 6}}};
    const std::vector<std::vector<Part>> cut = {
        {{0, 1}, {0, 0}}, {{1, 7}, {0, 4}}, {{8, 60}, {4, 1}}, {{68, 5}, {5, 1}}};
    for (const auto& batches : {whole, cut}) {
      expect_agreement([&](Backend& b) { return evaluate(b, recurrence, batches); }, 1e-10);
    }
  }
};

TEST_F(CudaRecurrentTest, Convolution) {
  for (const int kernel : {2, 4}) {
    for (const std::int64_t columns : {5, 300}) {
      for (const bool rich : {false, true}) {
        check({columns, columns, (kernel - 1) * columns,
               [=](Backend& b, StateStore& store, View in, const BatchLayout& batch, View out) {
                 const DeviceRows weight = random_rows(b, kernel, columns, 1);
                 const DeviceRows bias = random_rows(b, 1, columns, 2);
                 ConvolutionParams params{kPart, kernel, weight.data()};
                 if (rich) {
                   params.bias = bias.data();
                   params.activation = Activation::kSilu;
                 }
                 b.convolve(store, in, params, batch, out);
               }});
      }
    }
  }
}

Recurrence scan_recurrence(ScanParams params, bool own_decays, bool skipped) {
  params.state = kPart;
  params.scale = 0.7f;
  const test::ScanColumns columns(params, own_decays);
  return {columns.count(), columns.values, columns.head_keys * params.value_width,
          [=](Backend& b, StateStore& store, View in, const BatchLayout& batch, View out) {
            const DeviceRows bonus = random_rows(b, 1, columns.head_keys, 3);
            const DeviceRows skip = random_rows(b, 1, params.heads, 4);
            ScanParams own = params;
            own.bonus = bonus.data();
            own.skip = skipped ? skip.data() : nullptr;
            b.scan(store, columns.input(b, in), own, batch, out);
          }};
}

TEST_F(CudaRecurrentTest, Scans) {
  for (const ScanRule rule :
       {ScanRule::kAdd, ScanRule::kBonus, ScanRule::kDelta, ScanRule::kReplace}) {
    for (const bool own_decays : {false, true}) {
      ScanParams params{rule};
      params.heads = 4;
      params.key_heads = 2;
      params.key_width = 24;
      params.value_width = 37;
      check(scan_recurrence(params, own_decays, false));
      params.sharing = KeySharing::kCyclic;
      check(scan_recurrence(params, own_decays, true));
    }
  }
}

// Keys of all widths that are shared by two to 32 lanes.
TEST_F(CudaRecurrentTest, ScansOfAllWidths) {
  for (const int width : {64, 100, 128, 250, 300}) {
    for (const ScanRule rule :
         {ScanRule::kAdd, ScanRule::kBonus, ScanRule::kDelta, ScanRule::kReplace}) {
      ScanParams params{rule};
      params.heads = params.key_heads = 2;
      params.key_width = width;
      params.value_width = 20;
      const Recurrence recurrence = scan_recurrence(params, true, false);
      expect_agreement(
          [&](Backend& b) {
            return evaluate(b, recurrence, {{{0, 19}, {0, 6}}});
          },
          1e-10);
    }
  }
}

TEST_F(CudaRecurrentTest, KeysThatAreTooWideAreAnError) {
  ScanParams params{ScanRule::kAdd};
  params.heads = params.key_heads = 1;
  params.key_width = 1025;
  params.value_width = 2;
  evaluate(*cuda_, scan_recurrence(params, false, false), {{{0, 1}, {0, 1}}});
  EXPECT_FALSE(cuda_->status());
  cuda_ = nullptr;
}

TEST_F(CudaRecurrentTest, SelectiveScan) {
  struct Size {
    std::int64_t channels;
    int states;
  };
  for (const Size size : {Size{16, 6}, Size{150, 6}, Size{150, 20}, Size{40, 150}}) {
    const std::int64_t channels = size.channels;
    const int states = size.states;
    check({2 * channels + 2 * states, channels, states * channels,
           [=](Backend& b, StateStore& store, View in, const BatchLayout& batch, View out) {
             std::vector<float> rate = random_floats(states * channels, 6);
             for (float& value : rate) value = -std::abs(value);
             const DeviceRows rates(b, states, channels, rate);
             const DeviceRows skip = random_rows(b, 1, channels, 7);
             const SelectiveScanParams params{kPart, states, rates.data(), skip.data()};
             b.selective_scan(
                 store,
                 {in.slice(0, channels), in.slice(channels, channels),
                  in.slice(2 * channels, states), in.slice(2 * channels + states, states)},
                 params, batch, out);
           }});
  }
}

}  // namespace
}  // namespace linnet
