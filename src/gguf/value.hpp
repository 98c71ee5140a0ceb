#pragma once

#include <cstdint>

#include "gguf/gguf_file.hpp"

namespace linnet::gguf {

/// Bytes of one packed number of `type`; 0 for strings and arrays.
std::uint64_t value_type_size(ValueType type);

}  // namespace linnet::gguf
