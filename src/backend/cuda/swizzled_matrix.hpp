#pragma once

#include <cstdint>

/// Matrices of 16-bit numbers in shared memory as wgmma reads them: rows of 64 numbers, 128 bytes,
/// whose eight pieces of 16 bytes are swizzled so that no two of them that are read at once lie in
/// the same banks. For the device, and for the host to test.
namespace linnet::cuda {

inline constexpr int kSwizzledRowBytes = 128;
/// A matrix begins at a multiple of this address, because the swizzle is one of address bits.
inline constexpr std::uint32_t kMatrixAlignment = 1024;

/// Where byte `column_bytes` of a row lies, from the beginning of the matrix on.
constexpr int swizzled_place(int row, int column_bytes) {
  return row * kSwizzledRowBytes + (column_bytes ^ row % 8 * 16);
}

/// How wgmma is told of the first 16 columns of the matrix at `address` in shared memory.
///   bits 0 to 13: the address / 16, of its lower 18 bits
///   bits 16 to 29: not used with this swizzle
///   bits 32 to 45: bytes from eight rows to the next eight / 16
///   bits 49 to 51: 0, where the matrix begins as kMatrixAlignment says
///   bits 62 and 63: 1, the swizzle of 128 bytes
constexpr std::uint64_t swizzled_matrix(std::uint32_t address) {
  return std::uint64_t{(address & 0x3ffff) >> 4} | std::uint64_t{1} << 16 |
         std::uint64_t{8 * kSwizzledRowBytes >> 4} << 32 | std::uint64_t{1} << 62;
}

/// The same for what lies `bytes` further on: 32 for the next 16 columns of the four, or a multiple
/// of kMatrixAlignment. Addresses are below 2^18, so nothing is carried out of their bits.
constexpr std::uint64_t further_on(std::uint64_t matrix, int bytes) {
  return matrix + static_cast<std::uint64_t>(bytes >> 4);
}

}  // namespace linnet::cuda
