#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <nv/target>

/// What the kernels use of the device beyond CUDA's own words: the one place with intrinsics and
/// inline PTX. tests/cuda_emulation holds its twin for host compilers, so a function added here is
/// added there.
namespace linnet::cuda {

inline constexpr int kWarp = 32;
inline constexpr unsigned kAllLanes = 0xffffffffu;

__device__ inline void sync_block() { __syncthreads(); }
__device__ inline void sync_warp() { __syncwarp(); }

/// Lets the next kernel of the stream begin, as far as there is room for its blocks, and waits
/// until the kernels before this one are done. Every kernel calls it: what kernels write may be
/// read and written only behind it, weights before it, too. (Programmatic dependent launch:
/// section 9.7.12.13 of the PTX ISA; devices before Hopper begin kernels one after the other.)
__device__ inline void wait_for_previous_kernel() {
  NV_IF_TARGET(NV_PROVIDES_SM_90, (asm volatile("griddepcontrol.launch_dependents;");
                                   asm volatile("griddepcontrol.wait;" ::
                                                    : "memory");))
}

/// Asks for `bytes`, a multiple of 16 from a multiple of 16 on, to be brought to the L2 cache.
__device__ inline void begin_to_cache(const void* from, std::uint32_t bytes) {
  NV_IF_TARGET(
      NV_PROVIDES_SM_90,
      (asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(from), "r"(bytes));))
}

/// The value of the lane whose number differs in the bits `mask`. All lanes take part.
template <class T>
__device__ inline T exchange(T value, int mask) {
  return __shfl_xor_sync(kAllLanes, value, mask);
}

/// Bit l is what lane l says. All lanes take part.
__device__ inline std::uint32_t vote(bool value) { return __ballot_sync(kAllLanes, value); }
__device__ inline int count_bits(std::uint32_t bits) { return __popc(bits); }

__device__ inline float from_half(std::uint16_t bits) {
  return __half2float(__ushort_as_half(bits));
}
__device__ inline std::uint16_t to_half(float value) {
  return __half_as_ushort(__float2half_rn(value));
}
__device__ inline float from_bfloat16(std::uint16_t bits) {
  return __uint_as_float(std::uint32_t{bits} << 16);
}
__device__ inline std::uint16_t to_bfloat16(float value) {
  return __bfloat16_as_ushort(__float2bfloat16_rn(value));
}
__device__ inline float from_e4m3(std::uint8_t bits) {
  return __half2float(__nv_cvt_fp8_to_halfraw(bits, __NV_E4M3));
}
/// What is too large becomes the largest.
__device__ inline std::uint8_t to_e4m3(float value) {
  return __nv_cvt_float_to_fp8(value, __NV_SATFINITE, __NV_E4M3);
}
/// Two numbers rounded to binary16, the first in the lower half.
__device__ inline std::uint32_t to_halves(float first, float second) {
  const __half2 both = __floats2half2_rn(first, second);
  return *reinterpret_cast<const std::uint32_t*>(&both);
}

/// The same in bfloat16.
__device__ inline std::uint32_t to_bfloat16s(float first, float second) {
  const __nv_bfloat162 both = __floats2bfloat162_rn(first, second);
  return *reinterpret_cast<const std::uint32_t*>(&both);
}

/// a - b, a * b, and a * b + c rounded once, of two binary16 numbers each.
__device__ inline std::uint32_t subtract_halves(std::uint32_t a, std::uint32_t b) {
  const __half2 difference =
      __hsub2(reinterpret_cast<const __half2&>(a), reinterpret_cast<const __half2&>(b));
  return reinterpret_cast<const std::uint32_t&>(difference);
}
__device__ inline std::uint32_t multiply_halves(std::uint32_t a, std::uint32_t b) {
  const __half2 product =
      __hmul2_rn(reinterpret_cast<const __half2&>(a), reinterpret_cast<const __half2&>(b));
  return reinterpret_cast<const std::uint32_t&>(product);
}
__device__ inline std::uint32_t add_products_of_halves(std::uint32_t a, std::uint32_t b,
                                                       std::uint32_t c) {
  const __half2 sum =
      __hfma2(reinterpret_cast<const __half2&>(a), reinterpret_cast<const __half2&>(b),
              reinterpret_cast<const __half2&>(c));
  return reinterpret_cast<const std::uint32_t&>(sum);
}

__device__ inline float bits_to_float(std::uint32_t bits) { return __uint_as_float(bits); }
__device__ inline std::uint32_t float_to_bits(float value) { return __float_as_uint(value); }

/// sum + the dot product of four signed bytes each.
__device__ inline int dot4(std::uint32_t a, std::uint32_t b, int sum) {
  return __dp4a(static_cast<int>(a), static_cast<int>(b), sum);
}

/// Byte i of the result is byte `selector` nibble i (0 to 7) of b:a.
__device__ inline std::uint32_t pick_bytes(std::uint32_t a, std::uint32_t b,
                                           std::uint32_t selector) {
  return __byte_perm(a, b, selector);
}

/// word & mask | bits, in one instruction.
__device__ inline std::uint32_t masked_with(std::uint32_t word, std::uint32_t mask,
                                            std::uint32_t bits) {
  std::uint32_t result;
  asm("lop3.b32 %0, %1, %2, %3, 0xea;" : "=r"(result) : "r"(word), "r"(mask), "r"(bits));
  return result;
}

/// The same address of global memory, which the compiler no longer takes apart: what is read at
/// some distance from it then takes one addition, and not one for each of its parts.
template <class T>
__device__ inline const T* as_one_address(const T* address) {
  std::size_t place = __cvta_generic_to_global(address);
  asm("" : "+l"(place));
  return static_cast<const T*>(__cvta_global_to_generic(place));
}

/// Adds to a number that other threads count in, too.
__device__ inline void count_up(std::int32_t* counter, std::int32_t by = 1) {
  atomicAdd(counter, by);
}
/// Sets bits of a word of which other threads set bits, too.
__device__ inline void set_bits(std::uint32_t* word, std::uint32_t bits) { atomicOr(word, bits); }

/// Products and sums that no compiler fuses.
__device__ inline float multiply_alone(float a, float b) { return __fmul_rn(a, b); }
__device__ inline float add_alone(float a, float b) { return __fadd_rn(a, b); }

/// Shared memory whose size the launch gives, aligned for every type.
__device__ inline std::uint8_t* launch_memory() {
  extern __shared__ uint4 memory[];
  return reinterpret_cast<std::uint8_t*>(memory);
}

/// Begins to copy 16 aligned bytes from global to shared memory, or to put zeros there.
__device__ inline void begin_copy16(void* shared, const void* global, bool zeros) {
  const auto to = static_cast<std::uint32_t>(__cvta_generic_to_shared(shared));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(global),
               "r"(zeros ? 0 : 16)
               : "memory");
}
/// Waits for all copies that this thread began.
__device__ inline void wait_for_copies() { asm volatile("cp.async.wait_all;" ::: "memory"); }

/// Four 8x8 tiles of 16-bit numbers from shared memory: lane l names row l % 8 of tile l / 8.
__device__ inline void load_tiles(std::uint32_t (&to)[4], const void* row) {
  const auto from = static_cast<std::uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(from)
               : "memory");
}
/// The same, each tile transposed.
__device__ inline void load_tiles_transposed(std::uint32_t (&to)[4], const void* row) {
  const auto from = static_cast<std::uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(from)
               : "memory");
}

/// sum [16][8] += a [16][16] * b [16][8] of binary16 numbers, in the fragments of
/// mma.m16n8k16 (PTX ISA 9.7.14.5.8).
__device__ inline void multiply_tiles(float (&sum)[4], const std::uint32_t (&a)[4],
                                      std::uint32_t b0, std::uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// The same of bfloat16 numbers.
__device__ inline void multiply_bfloat16_tiles(float (&sum)[4], const std::uint32_t (&a)[4],
                                               std::uint32_t b0, std::uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

}  // namespace linnet::cuda
