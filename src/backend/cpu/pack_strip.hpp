#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/packed_layout.hpp"

namespace linnet::cpu {

/// Rows of a matrix as they lie in the file.
struct PackedRows {
  const Format* format;
  const std::byte* bytes;  ///< of the first row
  std::int64_t row_bytes;
  std::int64_t rows;  ///< up to kLanes; the lanes after them become zero
  std::int64_t columns;
};

/// Writes `from` as a strip in `layout`, which is choose_layout(*from.format); `strip` is zero
/// before. False if a weight is infinite or no number: kernels with integers would make
/// something of it that looks sound.
[[nodiscard]] bool pack_strip(const Layout& layout, const PackedRows& from, std::uint8_t* strip);

/// Writes the values of row `lane` of a strip to `out`: exactly those of the file, but of F16 and
/// BF16 those of its codes, see pack_int16().
void unpack_lane(const Layout& layout, const std::uint8_t* strip, std::int64_t lane,
                 std::int64_t columns, float* out);

}  // namespace linnet::cpu
