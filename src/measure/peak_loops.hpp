#pragma once

#include <cstdint>
#include <vector>

namespace linnet::measure {

/// A loop that keeps the arithmetic units busy out of registers alone.
struct PeakLoop {
  std::uint64_t (*run)(std::int64_t turns);  ///< what it gives only keeps it from being left out
  std::int64_t operations_a_turn;            ///< a multiplication and an addition are two
};

/// 8-bit integer dot products, in all the instructions that this machine has, the best first.
std::vector<PeakLoop> int8_peak_loops();
/// The same of 16-bit ones.
std::vector<PeakLoop> int16_peak_loops();
/// The same of fused multiply-adds of float32.
std::vector<PeakLoop> float_peak_loops();

/// Reads `bytes` (a multiple of 256) once, in the widest registers.
std::uint64_t read_all(const std::uint8_t* data, std::int64_t bytes);

}  // namespace linnet::measure
