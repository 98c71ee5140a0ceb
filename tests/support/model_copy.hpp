#pragma once

#include <filesystem>
#include <functional>
#include <list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gguf/gguf_file.hpp"
#include "gguf/gguf_writer.hpp"
#include "support/paths.hpp"

namespace linnet::test {

/// A copy of a model with a few things changed.
class ModelCopy {
 public:
  using Change = std::function<void(gguf::Writer& writer, std::string_view key)>;

  ModelCopy& drop(const std::string& key);
  /// Also for keys that the original does not have.
  ModelCopy& replace(const std::string& key, Change change);
  ModelCopy& set(const std::string& key, gguf::ValueType type, std::int64_t value);
  ModelCopy& set_number(const std::string& key, double value);
  ModelCopy& set_text(const std::string& key, const std::string& value);
  ModelCopy& drop_tensor(const std::string& name);
  /// The same bytes under another shape of as many elements.
  ModelCopy& reshape(const std::string& name, std::vector<std::int64_t> shape);

  /// `count` elements from `first` on of a tensor of F32 become `value`.
  ModelCopy& fill(const std::string& name, float value, std::size_t first, std::size_t count);

  Status write(const std::filesystem::path& to,
               const std::filesystem::path& from = kBundledModel) const;

 private:
  struct Fill {
    float value;
    std::size_t first, count;
  };

  // The bytes of a tensor, or of a copy of it that is filled.
  std::span<const std::byte> filled(const gguf::Tensor& tensor,
                                    std::list<std::vector<std::byte>>& copies) const;

  std::map<std::string, Change> changes_;
  std::set<std::string> dropped_;
  std::map<std::string, std::vector<std::int64_t>> shapes_;
  std::map<std::string, Fill> fills_;
};

}  // namespace linnet::test
