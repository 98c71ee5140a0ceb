#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/gguf_file.hpp"

namespace linnet::test {

/// The little-endian bytes of a number, or of a string with its length in front.
template <class T>
std::string packed(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}
inline std::string packed_string(std::string_view text) {
  return packed(std::uint64_t{text.size()}).append(text);
}

/// Puts together a GGUF file byte by byte, without the writer and without any check, so that it can
/// say whatever a test wants to see refused.
class GgufBytes {
 public:
  std::string magic = "GGUF";
  std::uint32_t version = 3;
  std::uint64_t alignment = 32;  ///< of the data; general.alignment is up to the test
  std::optional<std::uint64_t> key_count, tensor_count;  ///< where they are to be wrong

  /// A key with a value of these raw bytes.
  GgufBytes& raw_value(std::string_view key, std::uint32_t type, std::string_view bytes) {
    metadata_ += packed_string(key) + packed(type);
    metadata_ += bytes;
    ++keys_;
    return *this;
  }
  template <class T>
  GgufBytes& value(std::string_view key, gguf::ValueType type, T number) {
    return raw_value(key, static_cast<std::uint32_t>(type), packed(number));
  }
  GgufBytes& text(std::string_view key, std::string_view value) {
    return raw_value(key, 8, packed_string(value));
  }
  /// An array of `count` elements of `type` with these raw bytes.
  GgufBytes& raw_array(std::string_view key, std::uint32_t type, std::uint64_t count,
                       std::string_view bytes) {
    return raw_value(key, 9, packed(type) + packed(count) + std::string(bytes));
  }

  GgufBytes& tensor(std::string_view name, std::vector<std::uint64_t> shape, std::uint32_t type,
                    std::uint64_t offset) {
    tensors_ += packed_string(name) + packed(static_cast<std::uint32_t>(shape.size()));
    for (const std::uint64_t extent : shape) tensors_ += packed(extent);
    tensors_ += packed(type) + packed(offset);
    ++tensors_count_;
    return *this;
  }

  /// Header, padding, and `data_bytes` of tensor data: 0, 1, 2, ...
  std::string bytes(std::size_t data_bytes = 0) const {
    std::string file = magic + packed(version) + packed(tensor_count.value_or(tensors_count_)) +
                       packed(key_count.value_or(keys_)) + metadata_ + tensors_;
    if (data_bytes > 0) file.append((alignment - file.size() % alignment) % alignment, '\0');
    for (std::size_t i = 0; i < data_bytes; ++i) file += static_cast<char>(i);
    return file;
  }

 private:
  std::string metadata_, tensors_;
  std::uint64_t keys_ = 0, tensors_count_ = 0;
};

inline Result<gguf::Header> parse(std::string_view file) {
  return gguf::parse_header(std::as_bytes(std::span(file)), file.size(), "test.gguf");
}

}  // namespace linnet::test
