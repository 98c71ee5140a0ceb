#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "cuda/cuda_rows.hpp"

namespace linnet::test {

/// A gated delta net as models have them: keys and queries of length 1, gains and decays between 0
/// and 1.
struct DeltaNet {
  ScanParams params{ScanRule::kDelta};
  bool own_decays = false;  ///< of each key
  bool has_gains = true, has_skip = false;
  float rate = 0.1f;  ///< of the decays: exp(-rate x^2)

  DeltaNet(int heads, int key_heads, int key_width, int value_width) {
    params.state = {1, 3};  // not the beginning of a slot
    params.heads = heads;
    params.key_heads = key_heads;
    params.key_width = key_width;
    params.value_width = value_width;
    params.scale = 0.7f;
  }

  /// The rows of a sequence in each batch, the sequences side by side, to the outputs of all rows
  /// as they come. States begin empty and go on from batch to batch.
  using Batches = std::vector<std::vector<int>>;
  std::vector<float> run(Backend& backend, const Batches& batches) const {
    std::int64_t rows = 0, first = 0;
    for (const auto& counts : batches) {
      for (const int count : counts) rows += count;
    }
    const Inputs inputs(backend, *this, rows);
    const std::int64_t columns = std::int64_t{params.heads} * params.value_width;
    const DeviceRows out(backend, rows, columns);
    const std::int64_t state =
        3 + std::int64_t{params.heads} * params.key_width * params.value_width;
    auto store = backend.make_state_store({{7, state}, 4});
    if (!store) return ADD_FAILURE() << store.error().message, std::vector<float>{};
    const std::int32_t slots[] = {2, 0, 3};
    for (const std::int32_t slot : slots) (*store)->clear_slot(slot);
    for (const auto& counts : batches) {
      std::vector<std::int32_t> sequences;
      for (std::size_t s = 0; s < counts.size(); ++s) {
        sequences.insert(sequences.end(), counts[s], static_cast<std::int32_t>(s));
      }
      const auto count = static_cast<std::int64_t>(sequences.size());
      ScanParams own = params;
      own.skip = has_skip ? inputs.skip.data() : nullptr;
      const auto part = [&](View all) {
        return View{all.row(first), count, all.columns, all.stride};
      };
      backend.scan(**store, inputs.of(part, has_gains), own,
                   {sequences, sequences, {}, {}, std::span(slots).first(counts.size())},
                   part(out.view()));
      first += count;
    }
    return out.values();
  }

 private:
  struct Inputs {
    DeviceRows query, key, value, decay, gain, skip;

    Inputs(Backend& b, const DeltaNet& net, std::int64_t rows)
        : query(units(b, net, rows, 1)),
          key(units(b, net, rows, 2)),
          value(random_rows(b, rows, std::int64_t{net.params.heads} * net.params.value_width, 3)),
          decay(decays(b, net, rows)),
          gain(gains(b, net, rows)),
          skip(random_rows(b, 1, net.params.heads, 6)) {}

    template <class Part>
    ScanInput of(const Part& part, bool has_gains) const {
      ScanInput input{part(query.view()), part(key.view()), part(value.view()), part(decay.view())};
      if (has_gains) input.gain = part(gain.view());
      return input;
    }
    static DeviceRows units(Backend& b, const DeltaNet& net, std::int64_t rows,
                            std::uint32_t seed) {
      const std::int64_t width = net.params.key_width, columns = width * net.params.key_heads;
      std::vector<float> values = random_floats(rows * columns, seed);
      for (std::size_t at = 0; at < values.size(); at += static_cast<std::size_t>(width)) {
        double squares = 0.0;
        for (std::int64_t i = 0; i < width; ++i) squares += double{values[at + i]} * values[at + i];
        for (std::int64_t i = 0; i < width; ++i) {
          values[at + i] /= static_cast<float>(std::sqrt(squares));
        }
      }
      return DeviceRows(b, rows, columns, values);
    }
    static DeviceRows decays(Backend& b, const DeltaNet& net, std::int64_t rows) {
      const std::int64_t columns =
          std::int64_t{net.params.heads} * (net.own_decays ? net.params.key_width : 1);
      std::vector<float> values = random_floats(rows * columns, 4);
      for (float& value : values) value = std::exp(-net.rate * value * value);
      return DeviceRows(b, rows, columns, values);
    }
    static DeviceRows gains(Backend& b, const DeltaNet& net, std::int64_t rows) {
      std::vector<float> values = random_floats(rows * net.params.heads, 5);
      for (float& value : values) value = 1.0f / (1.0f + std::exp(-value));
      return DeviceRows(b, rows, net.params.heads, values);
    }
  };
};

}  // namespace linnet::test
