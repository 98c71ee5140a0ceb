#include "gguf/value.hpp"

#include <cstring>

namespace linnet::gguf {
namespace {

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

}  // namespace

std::string_view value_type_name(ValueType type) {
  static constexpr std::string_view kNames[] = {"uint8",  "int8",    "uint16", "int16",  "uint32",
                                                "int32",  "float32", "bool",   "string", "array",
                                                "uint64", "int64",   "float64"};
  const auto i = static_cast<std::uint32_t>(type);
  return i < std::size(kNames) ? kNames[i] : "unknown";
}

std::uint64_t value_type_size(ValueType type) {
  static constexpr std::uint64_t kSizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return kSizes[static_cast<std::uint32_t>(type)];
}

bool Array::is_integer() const {
  return type_ != ValueType::kString && type_ != ValueType::kFloat32 &&
         type_ != ValueType::kFloat64;
}

std::int64_t Array::integer(std::size_t i) const {
  const std::byte* at = bytes_.data() + i * value_type_size(type_);
  switch (type_) {
    case ValueType::kBool:
      return load<std::uint8_t>(at) != 0;
    case ValueType::kUint8:
      return load<std::uint8_t>(at);
    case ValueType::kInt8:
      return load<std::int8_t>(at);
    case ValueType::kUint16:
      return load<std::uint16_t>(at);
    case ValueType::kInt16:
      return load<std::int16_t>(at);
    case ValueType::kUint32:
      return load<std::uint32_t>(at);
    case ValueType::kInt32:
      return load<std::int32_t>(at);
    default:
      return load<std::int64_t>(at);
  }
}

double Array::number(std::size_t i) const {
  const std::byte* at = bytes_.data() + i * value_type_size(type_);
  if (type_ == ValueType::kFloat32) return load<float>(at);
  if (type_ == ValueType::kFloat64) return load<double>(at);
  if (type_ == ValueType::kUint64) return static_cast<double>(load<std::uint64_t>(at));
  return static_cast<double>(integer(i));
}

}  // namespace linnet::gguf
