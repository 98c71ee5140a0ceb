#pragma once

#include <cstddef>
#include <span>

#include "backend/backend.hpp"
#include "backend/cuda/weights_view.hpp"
#include "base/thread_pool.hpp"

namespace linnet::cuda {

/// Where the parts of a packed weight begin in one piece of device memory.
struct WeightsPlan {
  WeightsView view;                                                        ///< without addresses
  std::int64_t low = 0, high = 0, scales = 0, supers = 0;                  ///< offsets in bytes
  std::int64_t low_row = 0, high_row = 0, scales_row = 0, supers_row = 0;  ///< bytes of a row
  std::int64_t total_bytes = 0;
};

/// The layout for `source`; an Error where its size does not fit 63 bits.
Result<WeightsPlan> plan_weights(const MatrixSource& source);

/// Repacks the rows [first, first + count) of all slices together to `to`, in which the parts of
/// the rows stand one after the other: low plane, high plane, scales, supers. Gives a
/// magnitude that none of their weights exceeds; an Error where a weight is not finite.
Result<float> pack_rows(const MatrixSource& source, const WeightsPlan& plan, std::int64_t first,
                        std::int64_t count, ThreadPool& pool, std::byte* to);

/// Sets half_factor and half_inverse for weights up to `largest`.
void set_half_factor(float largest, WeightsView& view);

}  // namespace linnet::cuda
