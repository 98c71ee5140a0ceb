#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.hpp"

namespace linnet::app {

/// Writes float32 values as a NumPy file (format version 1.0), `shape` slowest dimension first.
Status write_npy(const std::string& path, std::span<const float> values,
                 std::span<const std::int64_t> shape);

}  // namespace linnet::app
