#pragma once

#include "backend/cuda/device.cuh"

namespace linnet::cuda {

/// One, two or a multiple of four words, from an address that is a multiple of their bytes, or of
/// 16.
template <int kWords>
__device__ inline void read_words(const std::uint8_t* from, std::uint32_t (&to)[kWords]) {
  if constexpr (kWords == 1) {
    to[0] = *reinterpret_cast<const std::uint32_t*>(from);
  } else if constexpr (kWords == 2) {
    const uint2 both = *reinterpret_cast<const uint2*>(from);
    to[0] = both.x;
    to[1] = both.y;
  } else {
#pragma unroll
    for (int i = 0; i < kWords / 4; ++i) {
      const uint4 four = reinterpret_cast<const uint4*>(from)[i];
      to[4 * i] = four.x;
      to[4 * i + 1] = four.y;
      to[4 * i + 2] = four.z;
      to[4 * i + 3] = four.w;
    }
  }
}

/// Floats, of which eight begin at a multiple of 16 bytes.
template <int kCount>
__device__ inline void read_floats(const float* from, float (&to)[kCount]) {
  if constexpr (kCount == 8) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const float4 four = reinterpret_cast<const float4*>(from)[i];
      to[4 * i] = four.x;
      to[4 * i + 1] = four.y;
      to[4 * i + 2] = four.z;
      to[4 * i + 3] = four.w;
    }
  } else {
#pragma unroll
    for (int i = 0; i < kCount; ++i) to[i] = from[i];
  }
}

}  // namespace linnet::cuda
