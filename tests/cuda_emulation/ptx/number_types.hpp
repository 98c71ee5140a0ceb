#pragma once

#include <cstdint>

namespace linnet::ptx {

// The types of numbers by the names that instructions give them.
using S8 = std::int8_t;
using S16 = std::int16_t;
using S32 = std::int32_t;
using S64 = std::int64_t;
using U8 = std::uint8_t;
using U16 = std::uint16_t;
using U32 = std::uint32_t;
using U64 = std::uint64_t;
using F32 = float;
using F64 = double;

}  // namespace linnet::ptx
