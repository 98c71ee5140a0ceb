#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "gguf/gguf_file.hpp"
#include "model/weight_loader.hpp"
#include "support/oracle_case.hpp"
#include "support/temporary_folder.hpp"

namespace linnet::test {

/// A file of tensors with values by formula, as a WeightLoader reads them.
class TensorFile {
 public:
  TensorFile& tensor(const std::string& name, std::vector<std::int64_t> shape) {
    case_.json["tensors"].push_back({{"name", name},
                                     {"type", "F32"},
                                     {"shape", std::move(shape)},
                                     {"centre", 0.25},
                                     {"amplitude", 1.0}});
    return *this;
  }

  const gguf::File& file() {
    if (!file_) {
      const Status written = case_.write(folder_ / "tensors.gguf");
      EXPECT_TRUE(written) << written.error().message;
      auto opened = gguf::File::open(folder_ / "tensors.gguf");
      EXPECT_TRUE(opened) << opened.error().message;
      file_ = std::make_unique<gguf::File>(std::move(*opened));
    }
    return *file_;
  }

  /// All values of a tensor.
  std::vector<float> values(const std::string& name) {
    WeightLoader loader(file(), *backend_);
    return loader.values(name, file().find_tensor(name)->elements());
  }

  Backend& backend() { return *backend_; }

 private:
  OracleCase case_{{{"seed", 1},
                    {"metadata", nlohmann::ordered_json::object()},
                    {"tensors", nlohmann::ordered_json::array()}}};
  TemporaryFolder folder_;
  std::unique_ptr<Backend> backend_ = make_reference_backend();
  std::unique_ptr<gguf::File> file_;
};

}  // namespace linnet::test
