#pragma once

#include <cstdint>

#include "backend/cpu/weight_bytes.hpp"
#include "gguf/gguf_file.hpp"

namespace linnet {

/// Bytes that a tensor takes as a matrix of the CPU backend.
inline std::int64_t cpu_weight_bytes(const gguf::Tensor& tensor) {
  const std::int64_t columns = tensor.shape[0];
  return cpu_weight_bytes(*tensor.format, columns, tensor.elements() / columns);
}

}  // namespace linnet
