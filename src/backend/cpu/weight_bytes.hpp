#pragma once

#include <cstdint>

#include "formats/format.hpp"

namespace linnet {

/// Bytes that a weight of `rows` rows takes as the CPU backend packs it: as many as in the file or
/// more, for types of one to three bits up to 2.2 times as many. What fills up the last 16 rows is
/// not worth counting.
std::int64_t cpu_weight_bytes(const Format& format, std::int64_t columns, std::int64_t rows);

}  // namespace linnet
