#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gguf/lora.hpp"

namespace linnet::quantize {

/// What an adapter adds to a matrix of weights, once the two factors are in memory.
class LoraProduct {
 public:
  /// For a tensor that `lora` changes.
  LoraProduct(const gguf::Lora& lora, const gguf::Tensor& tensor);

  /// Adds to the values [first, first + values.size()) of the matrix, in the file's order. Safe to
  /// call from several threads.
  void add_to(std::int64_t first, std::span<float> values) const;

 private:
  std::int64_t columns_, rows_, rank_;
  std::vector<float> a_;  // [slices][rank][columns]
  std::vector<float> b_;  // [slices][rows][rank], times the scale
};

/// Memory that a product takes; 0 for a tensor that `lora` does not change.
std::int64_t product_bytes(const gguf::Lora& lora, const gguf::Tensor& tensor);

}  // namespace linnet::quantize
