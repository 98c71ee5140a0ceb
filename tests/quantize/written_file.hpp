#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "gguf/gguf_file.hpp"
#include "gguf/gguf_writer.hpp"

namespace linnet::test {

struct Matrix {
  std::string name;
  std::vector<std::int64_t> shape;
  TensorType type = TensorType::kF32;
};

/// Values of a tensor of a written file: about as weights are, and never the same in two places.
inline float weight_at(std::size_t tensor, std::int64_t i) {
  return std::sin(0.7f * static_cast<float>(i) + static_cast<float>(tensor)) *
         (0.02f + 0.001f * static_cast<float>(i % 37));
}

/// Writes and opens a file of these tensors; those of whole numbers hold zeros.
inline gguf::File written_file(const std::filesystem::path& path,
                               const std::vector<Matrix>& matrices, gguf::Writer writer = {}) {
  for (const Matrix& matrix : matrices) {
    writer.add_tensor(matrix.name, *find_format(matrix.type), matrix.shape);
  }
  const Status written = writer.write(path, [&](std::size_t t, const gguf::Writer::Sink& sink) {
    std::int64_t count = 1;
    for (const std::int64_t extent : matrices[t].shape) count *= extent;
    const Format& format = *find_format(matrices[t].type);
    std::vector<std::byte> bytes(static_cast<std::size_t>(format.size_bytes(count)));
    std::vector<float> values(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) values[i] = weight_at(t, i);
    if (format.quantize) format.quantize(values.data(), bytes.data(), count);
    return sink(bytes);
  });
  EXPECT_TRUE(written) << written.error().message;
  auto file = gguf::File::open(path);
  EXPECT_TRUE(file) << file.error().message;
  return std::move(*file);
}

}  // namespace linnet::test
