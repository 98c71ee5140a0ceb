#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/weight_bytes.hpp"
#include "gguf/gguf_file.hpp"

namespace linnet {

/// The dimension of a tensor that has a matrix's columns: a convolution over single places has two
/// ones before it.
inline std::size_t columns_dimension(const gguf::Tensor& tensor) {
  return tensor.dimensions > 2 && tensor.shape[0] == 1 && tensor.shape[1] == 1 ? 2 : 0;
}

/// Bytes that a tensor takes as a matrix of the CPU backend.
inline std::int64_t cpu_weight_bytes(const gguf::Tensor& tensor) {
  const std::int64_t columns = tensor.shape[columns_dimension(tensor)];
  return cpu_weight_bytes(*tensor.format, columns, tensor.elements() / columns);
}

}  // namespace linnet
