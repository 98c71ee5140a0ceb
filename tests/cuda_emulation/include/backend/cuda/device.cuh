#pragma once

// The twin of src/backend/cuda/device.cuh for host compilers; the comments on what each function
// does are there.

#include <cuda_runtime.h>

#include <bit>

#include "base/half.hpp"
#include "emulation.hpp"
#include "tensor_core.hpp"

namespace linnet::cuda {

inline constexpr int kWarp = 32;

inline void sync_block() { emulation::sync_block(); }
inline void sync_warp() { emulation::sync_warp(); }

inline void wait_for_previous_kernel() { emulation::wait_for_previous_kernel(); }
inline void begin_to_cache(const void* from, std::uint32_t bytes) {
  emulation::check_line_read(from, bytes);
}

template <class T>
T exchange(T value, int mask) {
  static_assert(sizeof(T) <= sizeof(std::uint64_t));
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = emulation::share(bits)[emulation::lane() ^ mask];
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline std::uint32_t vote(bool value) {
  const std::uint64_t* all = emulation::share(value ? 1 : 0);
  std::uint32_t bits = 0;
  for (int l = 0; l < kWarp; ++l) bits |= static_cast<std::uint32_t>(all[l] & 1) << l;
  return bits;
}
inline int count_bits(std::uint32_t bits) { return std::popcount(bits); }

inline float from_half(std::uint16_t bits) { return half_to_float(bits); }
inline std::uint16_t to_half(float value) { return float_to_half(value); }
inline float from_bfloat16(std::uint16_t bits) { return bfloat16_to_float(bits); }
inline std::uint16_t to_bfloat16(float value) { return float_to_bfloat16(value); }
inline float from_e4m3(std::uint8_t bits) { return e4m3_to_float(bits); }
inline std::uint8_t to_e4m3(float value) { return float_to_e4m3(value); }
inline std::uint32_t to_halves(float first, float second) {
  return float_to_half(first) | std::uint32_t{float_to_half(second)} << 16;
}
inline std::uint32_t to_bfloat16s(float first, float second) {
  return float_to_bfloat16(first) | std::uint32_t{float_to_bfloat16(second)} << 16;
}
inline std::uint32_t subtract_halves(std::uint32_t a, std::uint32_t b) {
  const auto part = [&](int shift) {
    return half_to_float(static_cast<std::uint16_t>(a >> shift)) -
           half_to_float(static_cast<std::uint16_t>(b >> shift));
  };
  return to_halves(part(0), part(16));
}
inline std::uint32_t add_products_of_halves(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  const auto part = [&](int shift) {
    return std::fma(half_to_float(static_cast<std::uint16_t>(a >> shift)),
                    half_to_float(static_cast<std::uint16_t>(b >> shift)),
                    half_to_float(static_cast<std::uint16_t>(c >> shift)));
  };
  return to_halves(part(0), part(16));
}
inline std::uint32_t multiply_halves(std::uint32_t a, std::uint32_t b) {
  return add_products_of_halves(a, b, 0x80008000u);  // minus zeros change no sign
}

inline float bits_to_float(std::uint32_t bits) { return std::bit_cast<float>(bits); }
inline std::uint32_t float_to_bits(float value) { return std::bit_cast<std::uint32_t>(value); }

inline int dot4(std::uint32_t a, std::uint32_t b, int sum) {
  for (int i = 0; i < 4; ++i) {
    sum += static_cast<std::int8_t>(a >> (8 * i)) * static_cast<std::int8_t>(b >> (8 * i));
  }
  return sum;
}

inline std::uint32_t pick_bytes(std::uint32_t a, std::uint32_t b, std::uint32_t selector) {
  const std::uint64_t both = std::uint64_t{b} << 32 | a;
  std::uint32_t result = 0;
  for (int i = 0; i < 4; ++i) {
    const std::uint32_t nibble = selector >> (4 * i) & 0xf;
    auto byte = static_cast<std::uint8_t>(both >> (8 * (nibble & 7)));
    if (nibble & 8) byte = byte & 0x80 ? 0xff : 0;
    result |= std::uint32_t{byte} << (8 * i);
  }
  return result;
}

inline std::uint32_t masked_with(std::uint32_t word, std::uint32_t mask, std::uint32_t bits) {
  return (word & mask) | bits;
}

template <class T>
const T* as_one_address(const T* address) {
  return address;
}

/// Atomic operations, so no races.
[[gnu::no_sanitize("thread"), gnu::noinline]] inline void count_up(std::int32_t* counter,
                                                                   std::int32_t by = 1) {
  *counter += by;
}
[[gnu::no_sanitize("thread"), gnu::noinline]] inline void set_bits(std::uint32_t* word,
                                                                   std::uint32_t bits) {
  *word |= bits;
}

inline float multiply_alone(float a, float b) { return a * b; }
inline float add_alone(float a, float b) { return a + b; }

inline std::uint8_t* launch_memory() {
  return static_cast<std::uint8_t*>(emulation::launch_memory());
}

inline void begin_copy16(void* shared, const void* global, bool zeros) {
  emulation::begin_copy(shared, global, 16, zeros);
}
inline void wait_for_copies() { emulation::wait_for_copies(); }

namespace detail {
inline void load_tiles(std::uint32_t (&to)[4], const void* row, bool transposed) {
  const std::uint64_t* rows = emulation::share(reinterpret_cast<std::uint64_t>(row));
  const int lane = emulation::lane();
  for (int tile = 0; tile < 4; ++tile) {
    std::uint16_t pair[2];
    for (int i = 0; i < 2; ++i) {
      const int r = transposed ? lane % 4 * 2 + i : lane / 4;
      const int c = transposed ? lane / 4 : lane % 4 * 2 + i;
      pair[i] = reinterpret_cast<const std::uint16_t*>(rows[tile * 8 + r])[c];
    }
    to[tile] = pair[0] | std::uint32_t{pair[1]} << 16;
  }
  emulation::meet_warp();
}
}  // namespace detail

inline void load_tiles(std::uint32_t (&to)[4], const void* row) {
  detail::load_tiles(to, row, false);
}
inline void load_tiles_transposed(std::uint32_t (&to)[4], const void* row) {
  detail::load_tiles(to, row, true);
}

namespace detail {
/// What a lane holds of the tiles of a product.
struct Fragments {
  float a[4][2], b[2][2];
};

/// The fragments as the PTX ISA draws them: lane l has of a the rows l / 4 and l / 4 + 8, columns
/// l % 4 * 2 and + 8; of b the rows l % 4 * 2 and + 8 of column l / 4.
template <float (*kToFloat)(std::uint16_t)>
void multiply_tiles(float (&sum)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                    std::uint32_t b1) {
  Fragments own;
  const auto unpack = [](float(&to)[2], std::uint32_t bits) {
    to[0] = kToFloat(static_cast<std::uint16_t>(bits));
    to[1] = kToFloat(static_cast<std::uint16_t>(bits >> 16));
  };
  for (int part = 0; part < 4; ++part) unpack(own.a[part], a[part]);
  unpack(own.b[0], b0);
  unpack(own.b[1], b1);
  const std::uint64_t* all = emulation::share(reinterpret_cast<std::uint64_t>(&own));
  const auto of_lane = [&](int l) { return reinterpret_cast<const Fragments*>(all[l]); };
  const int row = emulation::lane() / 4, column = emulation::lane() % 4 * 2;
  for (int i = 0; i < 4; ++i) {
    float left[16], right[16];
    for (int k = 0; k < 16; ++k) {
      const int pair = k % 8 / 2;
      left[k] = of_lane(row * 4 + pair)->a[i / 2 + k / 8 * 2][k % 2];
      right[k] = of_lane((column + i % 2) * 4 + pair)->b[k / 8][k % 2];
    }
    sum[i] = emulation::add_tensor_products(sum[i], left, right, 1);
  }
  emulation::meet_warp();  // before the fragments are gone
}
}  // namespace detail

inline void multiply_tiles(float (&sum)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                           std::uint32_t b1) {
  detail::multiply_tiles<from_half>(sum, a, b0, b1);
}
inline void multiply_bfloat16_tiles(float (&sum)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                                    std::uint32_t b1) {
  detail::multiply_tiles<from_bfloat16>(sum, a, b0, b1);
}

}  // namespace linnet::cuda
