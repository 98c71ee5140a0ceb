#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend.hpp"
#include "gguf/gguf_file.hpp"
#include "gguf/gguf_writer.hpp"
#include "gguf/tensor_values.hpp"
#include "support/random_floats.hpp"
#include "support/temporary_folder.hpp"

namespace linnet::test {

/// A file of tensors and metadata that a test puts together, as a WeightLoader or Hyperparameters
/// read it.
class TensorFile {
 public:
  /// A tensor of F32 with random values, which are not the same for two tensors.
  TensorFile& tensor(const std::string& name, std::vector<std::int64_t> shape) {
    std::vector<float> values = random_floats(count_of(shape), ++seed_);
    return tensor(name, std::move(shape), std::move(values));
  }
  /// The same with these values, packed in another type where one is named.
  TensorFile& tensor(const std::string& name, std::vector<std::int64_t> shape,
                     std::vector<float> values, std::string_view type = "F32") {
    const Format& format = *find_format(type);
    std::vector<std::byte> bytes(static_cast<std::size_t>(format.size_bytes(std::ssize(values))));
    format.quantize(values.data(), bytes.data(), std::ssize(values));
    return packed_tensor(name, std::move(shape), std::move(bytes), type);
  }
  TensorFile& packed_tensor(const std::string& name, std::vector<std::int64_t> shape,
                            std::vector<std::byte> bytes, std::string_view type) {
    writer_.add_tensor(name, *find_format(type), shape);
    bytes_.push_back(std::move(bytes));
    return *this;
  }

  gguf::Writer& metadata() { return writer_; }

  /// Written when it is first asked for; what is added later is not in it.
  const gguf::File& file() {
    if (file_) return *file_;
    const Status written =
        writer_.write(path(), [this](std::size_t tensor, const gguf::Writer::Sink& sink) {
          return sink(bytes_[tensor]);
        });
    EXPECT_TRUE(written) << written.error().message;
    auto opened = gguf::File::open(path());
    EXPECT_TRUE(opened) << opened.error().message;
    file_ = std::make_unique<gguf::File>(std::move(*opened));
    return *file_;
  }
  std::filesystem::path path() const { return folder_ / "tensors.gguf"; }

  /// All values of a tensor.
  std::vector<float> values(std::string_view name) {
    const gguf::Tensor* const tensor = file().find_tensor(name);
    if (!tensor) return ADD_FAILURE() << "no tensor " << name, std::vector<float>{};
    return gguf::values_of(*tensor);
  }

  Backend& backend() { return *backend_; }

 private:
  static std::int64_t count_of(const std::vector<std::int64_t>& shape) {
    return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
  }

  TemporaryFolder folder_;
  gguf::Writer writer_;
  std::vector<std::vector<std::byte>> bytes_;  // of each tensor
  std::uint32_t seed_ = 0;
  std::unique_ptr<Backend> backend_ = make_reference_backend();
  std::unique_ptr<gguf::File> file_;
};

}  // namespace linnet::test
