#pragma once

#include "backend/cuda/device.cuh"

/// Products of float32 numbers on tensor cores: each number is the sum of two bfloat16 numbers, the
/// larger first, which have float32's range and 16 of its 24 digits. Matrices in such parts lie in
/// memory as all first parts, then all second parts.
namespace linnet::cuda {

/// The parts of two numbers side by side, the first one in the lower halves.
__device__ inline void split_in_bfloats(float first, float second, std::uint32_t (&parts)[2]) {
  parts[0] = to_bfloat16s(first, second);
  parts[1] = to_bfloat16s(first - bits_to_float(parts[0] << 16),
                          second - bits_to_float(parts[0] & 0xffff0000u));
}

/// Two numbers side by side to a matrix whose second parts begin `part` numbers behind the first.
__device__ inline void put_in_parts(std::uint16_t* to, int part, float first, float second) {
  std::uint32_t parts[2];
  split_in_bfloats(first, second, parts);
  *reinterpret_cast<std::uint32_t*>(to) = parts[0];
  *reinterpret_cast<std::uint32_t*>(to + part) = parts[1];
}

/// A left factor [16][16] in fragments.
struct LeftParts {
  std::uint32_t first[4], second[4];

  /// Of two neighbouring tiles of sums: what their lanes hold is what those of a left factor want.
  __device__ static LeftParts of_sums(const float (&left)[4], const float (&right)[4]) {
    LeftParts result;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float(&from)[4] = i < 2 ? left : right;
      std::uint32_t parts[2];
      split_in_bfloats(from[i % 2 * 2], from[i % 2 * 2 + 1], parts);
      result.first[i] = parts[0];
      result.second[i] = parts[1];
    }
    return result;
  }
  /// Of a matrix in shared memory.
  __device__ static LeftParts of_rows(const std::uint16_t* matrix, int stride, int part) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    matrix += lane % 16 * stride + lane / 16 * 8;
    LeftParts result;
    load_tiles(result.first, matrix);
    load_tiles(result.second, matrix + part);
    return result;
  }
};

/// A right factor [16][16 * kPairs] in fragments.
template <int kPairs>
struct RightParts {
  std::uint32_t first[kPairs][4], second[kPairs][4];

  /// Of a matrix whose rows are the factor's columns: `matrix` is its first one of these, and
  /// `part` from where on its second parts are.
  __device__ static RightParts of_rows(const std::uint16_t* matrix, int stride, int part) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    matrix += (lane / 16 * 8 + lane % 8) * stride + lane / 8 % 2 * 8;
    RightParts result;
#pragma unroll
    for (int pair = 0; pair < kPairs; ++pair) {
      load_tiles(result.first[pair], matrix + pair * 16 * stride);
      load_tiles(result.second[pair], matrix + pair * 16 * stride + part);
    }
    return result;
  }
  /// Of a matrix whose rows are the factor's.
  __device__ static RightParts of_columns(const std::uint16_t* matrix, int stride, int part) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    matrix += (lane / 8 % 2 * 8 + lane % 8) * stride + lane / 16 * 8;
    RightParts result;
#pragma unroll
    for (int pair = 0; pair < kPairs; ++pair) {
      load_tiles_transposed(result.first[pair], matrix + pair * 16);
      load_tiles_transposed(result.second[pair], matrix + pair * 16 + part);
    }
    return result;
  }
};

/// large + small += a * b, from the tile `tile` on: products of first parts to `large`, those with
/// a second part, which are 2^-8 of them and less, to `small`. What two second parts give is as
/// small as what the parts leave out. Products of a kind stand side by side, because they do not
/// wait for each other.
template <int kPairs, int kTiles>
__device__ inline void add_products(const LeftParts& a, const RightParts<kPairs>& b, int tile,
                                    float (&large)[kTiles][4], float (&small)[kTiles][4]) {
#pragma unroll
  for (int t = 0; t < 2 * kPairs; ++t) {
    const std::uint32_t(&with)[4] = b.second[t / 2];
    multiply_bfloat16_tiles(small[tile + t], a.first, with[t % 2 * 2], with[t % 2 * 2 + 1]);
  }
#pragma unroll
  for (int t = 0; t < 2 * kPairs; ++t) {
    const std::uint32_t(&with)[4] = b.first[t / 2];
    multiply_bfloat16_tiles(large[tile + t], a.first, with[t % 2 * 2], with[t % 2 * 2 + 1]);
  }
#pragma unroll
  for (int t = 0; t < 2 * kPairs; ++t) {
    const std::uint32_t(&with)[4] = b.first[t / 2];
    multiply_bfloat16_tiles(small[tile + t], a.second, with[t % 2 * 2], with[t % 2 * 2 + 1]);
  }
}

}  // namespace linnet::cuda
