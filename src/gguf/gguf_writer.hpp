#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "formats/format.hpp"
#include "gguf/gguf_file.hpp"

namespace linnet::gguf {

/// Writes a GGUF version 3 file: first all metadata and tensor declarations, then write() puts the
/// header out and asks for the tensors' bytes in order, so that a file larger than memory can be
/// written. The file appears under its name only when it is complete.
class Writer {
 public:
  /// The key general.alignment (a power of two) sets the alignment of the tensors; 32 without it.
  void add_integer(std::string_view key, ValueType type, std::int64_t value);
  void add_number(std::string_view key, ValueType type, double value);  ///< float32 or float64
  void add_bool(std::string_view key, bool value);
  void add_string(std::string_view key, std::string_view value);
  void add_integers(std::string_view key, ValueType type, std::span<const std::int64_t> values);
  void add_numbers(std::string_view key, ValueType type, std::span<const double> values);
  void add_strings(std::string_view key, std::span<const std::string> values);
  /// Copies a value as it is (for `quantize` and tests).
  void add_value(std::string_view key, const Value& value);

  /// Declares a tensor; `shape` fastest dimension first, shape[0] a multiple of the format's block.
  void add_tensor(std::string_view name, const Format& format, std::span<const std::int64_t> shape);

  /// Puts bytes into the file; the tensor's exact size in as many calls as liked.
  using Sink = std::function<Status(std::span<const std::byte>)>;
  /// Called once for every tensor, in the order of declaration, with its index.
  using TensorSource = std::function<Status(std::size_t index, const Sink& sink)>;

  Status write(const std::filesystem::path& path, const TensorSource& source) const;

 private:
  struct Declared {
    std::string name;
    const Format* format;
    std::vector<std::int64_t> shape;
    std::uint64_t size_bytes() const;
  };

  void begin(std::string_view key, ValueType type);
  void begin_array(std::string_view key, ValueType element, std::size_t count);
  void add_array(std::string_view key, const Array& array);
  std::vector<std::byte> header() const;

  std::vector<std::byte> metadata_;
  std::uint64_t metadata_count_ = 0;
  std::uint64_t alignment_ = 32;
  std::vector<Declared> tensors_;
};

}  // namespace linnet::gguf
