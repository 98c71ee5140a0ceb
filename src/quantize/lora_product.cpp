#include "quantize/lora_product.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "gguf/tensor_values.hpp"

namespace linnet::quantize {
namespace {

std::vector<float> transposed(const std::vector<float>& values, std::int64_t columns) {
  const std::int64_t rows = std::ssize(values) / columns;
  std::vector<float> turned;
  turned.reserve(values.size());
  for (std::int64_t c = 0; c < columns; ++c) {
    for (std::int64_t r = 0; r < rows; ++r) turned.push_back(values[r * columns + c]);
  }
  return turned;
}

}  // namespace

LoraProduct::LoraProduct(const gguf::Lora& lora, const gguf::Tensor& tensor)
    : columns_(tensor.shape[0]), rows_(tensor.shape[1]) {
  const gguf::Lora::Pair& pair = *lora.find(tensor.name);
  rank_ = pair.rank();
  a_ = gguf::values_of(*pair.a);
  b_ = gguf::values_of(*pair.b);
  // Those of an embedding table, see give_shape() in lora.cpp.
  const bool is_other_way = pair.a->shape[0] != columns_ || pair.b->shape[1] != rows_;
  if (is_other_way) b_ = std::exchange(a_, transposed(b_, rank_));
  const float scale = lora.strength() * lora.scale(pair);
  for (float& value : b_) value *= scale;
}

void LoraProduct::add_to(std::int64_t first, std::span<float> values) const {
  while (!values.empty()) {
    const std::int64_t row = first / columns_, column = first % columns_;
    const auto count = std::min(columns_ - column, std::ssize(values));
    const float* const a = a_.data() + row / rows_ * rank_ * columns_ + column;
    for (std::int64_t k = 0; k < rank_; ++k) {
      const float factor = b_[static_cast<std::size_t>(row * rank_ + k)];
      for (std::int64_t c = 0; c < count; ++c) values[c] += factor * a[k * columns_ + c];
    }
    first += count;
    values = values.subspan(static_cast<std::size_t>(count));
  }
}

std::int64_t product_bytes(const gguf::Lora& lora, const gguf::Tensor& tensor) {
  const gguf::Lora::Pair* const pair = lora.find(tensor.name);
  return pair ? pair->elements() * std::int64_t{sizeof(float)} : 0;
}

}  // namespace linnet::quantize
