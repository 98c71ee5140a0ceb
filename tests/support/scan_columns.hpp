#pragma once

#include <cstdint>

#include "backend/backend.hpp"

namespace linnet::test {

/// How the tests lay the inputs of a scan out in a row, side by side.
struct ScanColumns {
  std::int64_t keys, head_keys, values, decays, heads;

  /// A decay for each key column of the heads (`own_decays`) or for each head.
  ScanColumns(const ScanParams& params, bool own_decays)
      : keys(std::int64_t{params.key_heads} * params.key_width),
        head_keys(std::int64_t{params.heads} * params.key_width),
        values(std::int64_t{params.heads} * params.value_width),
        decays(own_decays ? head_keys : params.heads),
        heads(params.heads) {}

  std::int64_t count() const { return 2 * keys + values + decays + heads + 2 * head_keys; }

  /// The inputs in the rows `in`, whose decays are brought between 0 and 1.
  ScanInput input(Backend& backend, View in) const {
    std::int64_t first = 0;
    const auto next = [&](std::int64_t columns) {
      first += columns;
      return in.slice(first - columns, columns);
    };
    ScanInput input{next(keys), next(keys), next(values), next(decays)};
    backend.gated_activation(input.decay, View{}, Activation::kSigmoid, input.decay);
    input.gain = next(heads);
    input.remove = next(head_keys);
    input.add = next(head_keys);
    return input;
  }
};

}  // namespace linnet::test
