#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace linnet::gguf {

/// Reads little-endian values one after the other and never beyond the end.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::uint64_t position() const { return position_; }
  std::uint64_t remaining() const { return bytes_.size() - position_; }

  template <class T>
  std::optional<T> read() {
    if (remaining() < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, bytes_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return value;
  }

  std::optional<std::span<const std::byte>> read_bytes(std::uint64_t count) {
    if (remaining() < count) return std::nullopt;
    const auto result = bytes_.subspan(position_, count);
    position_ += count;
    return result;
  }

  /// A string with its length in front.
  std::optional<std::string_view> read_string() {
    const auto length = read<std::uint64_t>();
    if (!length) return std::nullopt;
    const auto bytes = read_bytes(*length);
    if (!bytes) return std::nullopt;
    return std::string_view(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  }

 private:
  std::span<const std::byte> bytes_;
  std::uint64_t position_ = 0;
};

}  // namespace linnet::gguf
