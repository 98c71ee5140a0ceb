#pragma once

#include <cstdint>
#include <vector>

namespace linnet::measure {

/// What this machine can do at most, as measured now: other running programs lower it.
struct Ceilings {
  std::int64_t buffer_bytes = 0;         ///< that was read for the bandwidth
  std::vector<double> read_bytes_per_s;  ///< by 1, 2, ... threads; 0 if memory is short
  double int8_operations_per_s = 0;      ///< multiplications and additions of 8-bit dot products
  double int16_operations_per_s = 0;     ///< the same of 16-bit dot products
  double float_operations_per_s = 0;     ///< of float32 fused multiply-adds

  /// With as many threads as were measured.
  double best_read_bytes_per_s() const;
};

/// Reads a buffer that is larger than the caches (at most a quarter of the free memory) and runs
/// loops of dot products in registers, each several times on `threads` threads; the best run
/// counts. Takes about a second.
Ceilings measure_ceilings(int threads);

}  // namespace linnet::measure
