#pragma once

#include <array>
#include <cstdint>

namespace linnet::formats {

/// The values of IQ4_NL and IQ4_XS, denser around 0.
inline constexpr std::array<std::int8_t, 16> kIq4Codebook = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

/// Twice the values of the four-bit float E2M1 (MXFP4, NVFP4): sign, two exponent bits, one of
/// mantissa.
inline constexpr std::array<std::int8_t, 16> kE2m1Codebook = {0, 1,  2,  3,  4,  6,  8,  12,
                                                              0, -1, -2, -3, -4, -6, -8, -12};

}  // namespace linnet::formats
