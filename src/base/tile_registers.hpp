#pragma once

#if defined(__x86_64__)

#include <cstdint>

namespace linnet {

/// Whether the processor has the tile registers of AMX with 8-bit products, and the system lets
/// this process use them. Asks the system for that: for all threads, those that run and those to
/// come.
bool can_use_tile_registers();

/// The tile registers of AMX, while it lives set for products of 16 rows by 16 columns: sums, A and
/// B (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapter 18). They
/// belong to a thread; only if can_use_tile_registers().
class TileRegisters {
 public:
  static constexpr int kRows = 16;  ///< and columns

  /// For products over `inputs` bytes: a multiple of 4, at most 64.
  explicit TileRegisters(int inputs) {
    struct alignas(64) {
      std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
      std::uint16_t row_bytes[16] = {};
      std::uint8_t rows[16] = {};
    } shapes;
    static_assert(sizeof shapes == 64);
    shapes.rows[0] = shapes.rows[1] = kRows;
    shapes.rows[2] = static_cast<std::uint8_t>(inputs / 4);
    shapes.row_bytes[0] = shapes.row_bytes[2] = 64;
    shapes.row_bytes[1] = static_cast<std::uint16_t>(inputs);
    asm volatile("ldtilecfg %0" : : "m"(shapes));
  }
  ~TileRegisters() { asm volatile("tilerelease"); }
  TileRegisters(const TileRegisters&) = delete;
  TileRegisters& operator=(const TileRegisters&) = delete;

  /// sums [16][16] = A [16 rows, `stride` bytes apart][inputs] * B [inputs / 4][16 columns][4].
  void multiply(const std::int8_t* a, std::int64_t stride, const std::uint8_t* b,
                std::int32_t* sums) const {
    // One statement, because compilers may keep nothing in these registers between two. Without
    // intrinsics, because those of GCC 12 do not say that they read memory.
    asm volatile(
        "tilezero %%tmm0\n\t"
        "tileloadd (%[a],%[stride]), %%tmm1\n\t"
        "tileloadd (%[b],%[line]), %%tmm2\n\t"
        "tdpbssd %%tmm2, %%tmm1, %%tmm0\n\t"
        "tilestored %%tmm0, (%[sums],%[line])"
        :
        :
        [a] "r"(a), [stride] "r"(stride), [b] "r"(b), [sums] "r"(sums), [line] "r"(std::int64_t{64})
        : "memory");
  }
};

}  // namespace linnet

#endif  // __x86_64__
