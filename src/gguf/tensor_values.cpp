#include "gguf/tensor_values.hpp"

namespace linnet::gguf {

std::vector<float> values_of(const Tensor& tensor) {
  std::vector<float> values(static_cast<std::size_t>(tensor.elements()));
  tensor.format->dequantize(tensor.bytes.data(), values.data(), tensor.elements());
  return values;
}

}  // namespace linnet::gguf
