#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "formats/tensor_type.hpp"

namespace linnet {

/// What the rest of the program knows of a tensor type. A row of a tensor is a whole number of
/// blocks; a block holds `block_elements` values in `block_bytes` bytes.
struct Format {
  TensorType type;
  std::string_view name;  ///< as GGUF tools print it: "Q4_0", "BF16"
  std::int64_t block_elements;
  std::int64_t block_bytes;

  /// Writes the `elements` (a multiple of block_elements) values of packed `blocks` to `out`.
  /// Exact: the float32 values that ggml's own conversion gives. `blocks` needs no alignment.
  void (*dequantize)(const std::byte* blocks, float* out, std::int64_t elements);

  /// Packs `elements` (a multiple of block_elements) values, round to nearest; null if Linnet
  /// cannot write the type.
  void (*quantize)(const float* in, std::byte* blocks, std::int64_t elements);

  /// The same, with the error of each value weighted by its `importance` (> 0); null if that
  /// changes nothing.
  void (*quantize_weighted)(const float* in, const float* importance, std::byte* blocks,
                            std::int64_t elements);

  /// Bytes of `elements` values (a multiple of block_elements).
  std::int64_t size_bytes(std::int64_t elements) const {
    return elements / block_elements * block_bytes;
  }
};

/// Every supported tensor type, in the order of the ids. The one list: src/formats/formats.cpp.
std::span<const Format> all_formats();

/// The format of a type, or null for an id that is unknown or was removed from GGUF.
const Format* find_format(TensorType type);

/// The format called `name`, any case ("q4_0"), or null.
const Format* find_format(std::string_view name);

/// The name of a removed type id (4, 5, 31-33, 36-38), or empty.
std::string_view removed_format_name(std::uint32_t id);

}  // namespace linnet
