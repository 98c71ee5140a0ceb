#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "base/half.hpp"
#include "formats/tensor_type.hpp"

/// Types that store every value on its own.
namespace linnet::formats {

/// A type whose values are C++ numbers in the file. Integers and doubles are rounded to the
/// nearest float32.
template <TensorType kTensorType, class T>
struct PlainFormat {
  static constexpr TensorType type = kTensorType;
  using Value = T;
  static float to_float(Value value) { return static_cast<float>(value); }
};

struct F32 : PlainFormat<TensorType::kF32, float> {
  static constexpr std::string_view name = "F32";
  static Value from_float(float value) { return value; }
};

struct F16 : PlainFormat<TensorType::kF16, std::uint16_t> {
  static constexpr std::string_view name = "F16";
  static float to_float(Value value) { return half_to_float(value); }
  static Value from_float(float value) { return float_to_half(value); }
};

struct BF16 : PlainFormat<TensorType::kBF16, std::uint16_t> {
  static constexpr std::string_view name = "BF16";
  static float to_float(Value value) { return bfloat16_to_float(value); }
  static Value from_float(float value) { return float_to_bfloat16(value); }
};

struct F64 : PlainFormat<TensorType::kF64, double> {
  static constexpr std::string_view name = "F64";
};

struct I8 : PlainFormat<TensorType::kI8, std::int8_t> {
  static constexpr std::string_view name = "I8";
};

struct I16 : PlainFormat<TensorType::kI16, std::int16_t> {
  static constexpr std::string_view name = "I16";
};

struct I32 : PlainFormat<TensorType::kI32, std::int32_t> {
  static constexpr std::string_view name = "I32";
};

struct I64 : PlainFormat<TensorType::kI64, std::int64_t> {
  static constexpr std::string_view name = "I64";
};

/// Format::dequantize of a plain type.
template <class T>
void plain_to_float(const std::byte* values, float* out, std::int64_t elements) {
  for (std::int64_t i = 0; i < elements; ++i) {
    typename T::Value value;
    std::memcpy(&value, values + i * std::int64_t{sizeof(value)}, sizeof(value));
    out[i] = T::to_float(value);
  }
}

/// Format::quantize of a plain type.
template <class T>
void plain_from_float(const float* in, std::byte* values, std::int64_t elements) {
  for (std::int64_t i = 0; i < elements; ++i) {
    const typename T::Value value = T::from_float(in[i]);
    std::memcpy(values + i * std::int64_t{sizeof(value)}, &value, sizeof(value));
  }
}

}  // namespace linnet::formats
