#pragma once

#include <cstdint>

#include "backend/cpu/pack_strip.hpp"

namespace linnet::cpu {

/// pack_strip() of F16 and BF16, as 16-bit codes: see Layout. Of a block of 32 weights the largest
/// gets 13 bits, so that those of at least a quarter of it are exact if they are F16, a 32nd if
/// they are BF16; the others are off by at most half of the block's step. If the largest is below
/// 2^-114, all have the step 2^-126. Products overflow with weights above some 2^109.
[[nodiscard]] bool pack_int16(const PackedRows& from, std::uint8_t* strip);

/// unpack_lane() of such a strip.
void unpack_int16(const std::uint8_t* strip, std::int64_t lane, std::int64_t columns, float* out);

}  // namespace linnet::cpu
