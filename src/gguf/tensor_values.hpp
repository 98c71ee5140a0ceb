#pragma once

#include <vector>

#include "gguf/gguf_file.hpp"

namespace linnet::gguf {

/// All elements of `tensor`, in the file's order. They may be any numbers, or none.
std::vector<float> values_of(const Tensor& tensor);

}  // namespace linnet::gguf
