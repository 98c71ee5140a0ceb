#pragma once

#include "backend/backend.hpp"

namespace linnet {

// Short words for what blocks do most often with rows.

/// out += x
inline void add(Backend& backend, View x, View out) { backend.add_scaled(x, 1.0f, 1.0f, out); }

/// x = activation(x)
inline void apply(Backend& backend, Activation activation, View x) {
  backend.gated_activation(x, View{}, activation, x);
}

/// `row` in the place of every row of `like`, whose columns it has. Only to be read.
inline View repeated(const Buffer& row, View like) {
  return {row.data(), like.rows, like.columns, 0};
}

/// out = in, each column times its factor. `out` may be `in`.
inline void multiply_columns(Backend& backend, View in, const Buffer& factors, View out) {
  backend.gated_activation(in, repeated(factors, in), Activation::kIdentity, out);
}

/// Copies rows of host memory, `stride` floats from one to the next, to those of `to`.
inline void upload_rows(Backend& backend, const float* from, std::int64_t stride, View to) {
  for (std::int64_t r = 0; r < to.rows; ++r) {
    backend.upload({from + r * stride, static_cast<std::size_t>(to.columns)}, to.row(r));
  }
}

}  // namespace linnet
